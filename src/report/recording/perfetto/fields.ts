/**
 * Field numbers of the messages in a Perfetto trace.
 *
 * Source: Perfetto protos/perfetto/trace/trace.proto, trace_packet.proto, track_event/track_descriptor.proto,
 * track_event/counter_descriptor.proto, track_event/track_event.proto.
 */

export const Trace = { packet: 1 } as const;

/** `timestamp` counts nanoseconds. A sequence id of 0 is invalid. */
export const TracePacket = { timestamp: 8, trustedPacketSequenceId: 10, trackEvent: 11, trackDescriptor: 60 } as const;

/** A track with a `counter` holds counter values only. Tracks of one name and parent are drawn as one. */
export const TrackDescriptor = { uuid: 1, name: 2, parentUuid: 5, counter: 8 } as const;

export const CounterDescriptor = { unit: 3 } as const;
export const CounterUnit = { count: 2, bytes: 3 } as const;

export const TrackEvent = { type: 9, trackUuid: 11, name: 23, counterValue: 30, doubleCounterValue: 44 } as const;
export const EventType = { sliceBegin: 1, sliceEnd: 2, instant: 3, counter: 4 } as const;
