/** A thread of `image_crew.ts`: reads blocks of an image until none is left, and says what it found. */
import { parentPort, workerData } from "node:worker_threads";
import { answer } from "../../audit/inspect/survey/crew.js";
import { openImage } from "../../read/image/open_image.js";
import { readAt } from "../host/descriptor.js";
import type { Errand } from "./image_crew.js";

const { call, name, fd, size, options } = workerData as Errand;
const image = await openImage({ name, size, read: (offset, into) => readAt(fd, offset, into) }, options);
parentPort!.postMessage(answer(image, call));
