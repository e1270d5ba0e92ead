/** How an operation of a kernel ends: `null` where it is done, else the name of its error (include/uapi/asm-generic/errno-base.h). */
export type Errno = "EPERM" | "ENOENT" | "ENOMEM" | "EBUSY" | "ENODEV" | "EINVAL" | "ENOSPC" | "EOPNOTSUPP";

export type Result = Errno | null;
