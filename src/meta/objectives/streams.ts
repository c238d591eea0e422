/** Streams: what sets apart draws that are made with the same seed; letters in ASCII. */

/** Steps that fresh networks of a pool take before they are first differentiated. */
export const HEAD_START = 0x68656164; // "head"
/** Where a window starts. */
export const WINDOW = 0x77696e64; // "wind"
