/**
 * A trace for ui.perfetto.dev: for each device a track of its mappings' lifetimes and one of its failures; counters
 * beside them. Written as it comes, so that memory stays bounded whatever the recording's length.
 */
import {
  CounterDescriptor,
  CounterUnit,
  EventType,
  Trace,
  TracePacket,
  TrackDescriptor,
  TrackEvent,
} from "./fields.js";
import { Lanes } from "./lanes.js";
import { WireWriter } from "./wire.js";

/** Packets are handed on in chunks of about this size. */
const chunkBytes = 65536;
/** One sequence: everything comes from one writer. */
const sequence = 1;

interface DeviceTracks {
  readonly uuid: number;
  readonly lanes: Lanes;
  /** uuid of each lane's track. */
  readonly laneTracks: number[];
  /** 0 = no instant was written yet. */
  instants: number;
}

export class PerfettoWriter {
  /** Slices that found no lane, and values that were no time or number: none of them is in the trace. */
  leftOut = 0;
  readonly #sink: ((chunk: Uint8Array) => void) | null;
  readonly #kept: Uint8Array[] = [];
  readonly #out = new WireWriter();
  readonly #packet = new WireWriter();
  readonly #message = new WireWriter();
  readonly #inner = new WireWriter();
  readonly #devices = new Map<string, DeviceTracks>();
  readonly #counters = new Map<string, number>();
  #uuids = 0;

  /** @param sink is given each chunk of the file, in order. Without one, `finish` returns the whole file. */
  constructor(sink: ((chunk: Uint8Array) => void) | null = null) {
    this.#sink = sink;
  }

  /**
   * One mapping from its map to its unmap. Slices of a device come in order of their beginning or of their end.
   * @param startUs microseconds of the recording's clock, not negative.
   * @param title of the tracks that its slices stand on
   */
  slice(device: string, name: string, startUs: number, endUs: number, title = "mappings"): void {
    if (!(isTime(startUs) && isTime(endUs) && endUs >= startUs)) {
      this.leftOut++;
      return;
    }
    const tracks = this.#tracksOf(device);
    const lane = tracks.lanes.place(startUs, endUs);
    if (lane === -1) {
      this.leftOut++;
      return;
    }
    if (lane === tracks.laneTracks.length) tracks.laneTracks.push(this.#track(title, tracks.uuid));
    const track = tracks.laneTracks[lane]!;
    this.#event(startUs, EventType.sliceBegin, track, name);
    this.#event(endUs, EventType.sliceEnd, track, null);
  }

  /** Something that happened to a device at one time: a failure, a fault. */
  instant(device: string, name: string, timeUs: number): void {
    if (!isTime(timeUs)) {
      this.leftOut++;
      return;
    }
    const tracks = this.#tracksOf(device);
    if (tracks.instants === 0) tracks.instants = this.#track("failures", tracks.uuid);
    this.#event(timeUs, EventType.instant, tracks.instants, name);
  }

  /** The value that a counter has from a time on. The first call for a name makes its track. */
  counter(name: string, timeUs: number, value: number, unit: keyof typeof CounterUnit = "count"): void {
    if (!isTime(timeUs) || !Number.isFinite(value)) {
      this.leftOut++;
      return;
    }
    let track = this.#counters.get(name);
    if (track === undefined) {
      track = this.#track(name, 0, unit);
      this.#counters.set(name, track);
    }
    this.#event(timeUs, EventType.counter, track, null, value);
  }

  /** Hand on what is left. @returns the whole file, or nothing (0 bytes) when a sink was given. */
  finish(): Uint8Array {
    this.#flush();
    const whole = new Uint8Array(this.#kept.reduce((sum, chunk) => sum + chunk.length, 0));
    let at = 0;
    for (const chunk of this.#kept) {
      whole.set(chunk, at);
      at += chunk.length;
    }
    return whole;
  }

  #tracksOf(device: string): DeviceTracks {
    let tracks = this.#devices.get(device);
    if (tracks === undefined) {
      tracks = { uuid: this.#track(device, 0), lanes: new Lanes(), laneTracks: [], instants: 0 };
      this.#devices.set(device, tracks);
    }
    return tracks;
  }

  /** Describe a new track. @param parent 0 = none. @returns its uuid; a uuid of 0 would mean the trace itself. */
  #track(name: string, parent: number, unit?: keyof typeof CounterUnit): number {
    const uuid = ++this.#uuids;
    const descriptor = this.#message;
    descriptor.clear();
    descriptor.varint(TrackDescriptor.uuid, uuid);
    descriptor.text(TrackDescriptor.name, name);
    if (parent !== 0) descriptor.varint(TrackDescriptor.parentUuid, parent);
    if (unit !== undefined) {
      this.#inner.clear();
      this.#inner.varint(CounterDescriptor.unit, CounterUnit[unit]);
      descriptor.message(TrackDescriptor.counter, this.#inner);
    }
    this.#packet.clear();
    this.#packet.varint(TracePacket.trustedPacketSequenceId, sequence);
    this.#packet.message(TracePacket.trackDescriptor, descriptor);
    this.#emit();
    return uuid;
  }

  #event(timeUs: number, type: number, track: number, name: string | null, value?: number): void {
    const event = this.#message;
    event.clear();
    event.varint(TrackEvent.type, type);
    event.varint(TrackEvent.trackUuid, track);
    if (name !== null) event.text(TrackEvent.name, name);
    if (value !== undefined) {
      if (Number.isSafeInteger(value)) event.varint(TrackEvent.counterValue, value);
      else event.double(TrackEvent.doubleCounterValue, value);
    }
    this.#packet.clear();
    this.#packet.varint(TracePacket.timestamp, Math.round(timeUs * 1000));
    this.#packet.varint(TracePacket.trustedPacketSequenceId, sequence);
    this.#packet.message(TracePacket.trackEvent, event);
    this.#emit();
  }

  #emit(): void {
    this.#out.message(Trace.packet, this.#packet);
    if (this.#out.used >= chunkBytes) this.#flush();
  }

  #flush(): void {
    if (this.#out.used === 0) return;
    if (this.#sink === null) this.#kept.push(this.#out.take());
    else this.#sink(this.#out.take());
    this.#out.clear();
  }
}

/** Nanoseconds of it must stay exact: 2^53 ns are 104 days. */
const isTime = (microseconds: number): boolean => microseconds >= 0 && microseconds * 1000 <= Number.MAX_SAFE_INTEGER;
