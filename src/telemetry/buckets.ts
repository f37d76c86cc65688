/** Histogram buckets that several metrics share, in seconds: fine around 5 ms for admission and 50 ms for a quarantine. */
export const REQUEST_BUCKETS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 15];
