/** A domain as the hypervisor knows it. */
import type { DomainClass } from "../../../spec/xen/limits.js";
import { type ModelRules, models, type XenModel } from "../models.js";
import { CpuMap } from "./cpu_map.js";
import { DeviceMap } from "./device_map.js";
import { DeviceTable } from "./device_table.js";
import { GrantTable } from "./grant_table.js";

export interface DomainOptions {
  readonly id: number;
  readonly model: XenModel;
  /** Pages of 4 KiB at start. */
  readonly pages: number;
  /** The most it may own; default: what it starts with. */
  readonly pagesMax?: number;
  readonly class?: DomainClass;
  /** Frames follow each other in blocks of 2^scatterOrder at most; default 0: each lies anywhere. */
  readonly scatterOrder?: number;
  /** Highest address width of its frames. */
  readonly addressBits?: number;
  /** An IOMMU with machine addresses as bus addresses is in front of its devices (paravirtualised, 1:1). */
  readonly deviceTable?: boolean;
  /** Its devices are behind an IOMMU whose mappings it asks for. */
  readonly deviceMap?: boolean;
  readonly grantFramesMax?: number;
  readonly maptrackFramesMax?: number;
}

export class Domain {
  readonly id: number;
  readonly model: XenModel;
  readonly rules: ModelRules;
  readonly class: DomainClass;
  readonly pagesMax: number;
  readonly addressBits: number;
  /** Frames it owns. */
  pages = 0;
  /** Its first page number: 0, or the machine's number of its first frame when it is mapped 1:1. */
  firstPage = 0;
  readonly map = new CpuMap();
  /** Frames by its numbers that are not in memory now, with how many asks it takes until they are. */
  readonly pagedOut = new Map<number, number>();
  readonly grants: GrantTable;
  readonly devices: DeviceTable | null;
  readonly deviceMap: DeviceMap | null;

  constructor(o: DomainOptions) {
    this.id = o.id;
    this.model = o.model;
    this.rules = models[o.model];
    this.class = o.class ?? "guest";
    this.pagesMax = o.pagesMax ?? o.pages;
    this.addressBits = o.addressBits ?? 64;
    this.grants = new GrantTable(o.grantFramesMax, o.maptrackFramesMax);
    this.devices = o.deviceTable === true ? new DeviceTable() : null;
    this.deviceMap = o.deviceMap === true ? new DeviceMap() : null;
  }
}
