/**
 * The detectors that run. Adding one: its file in detectors/, a line here, and its name in api/v1alpha1/detector-names.ts.
 */
import type { Detector } from './detector.ts';
import { cryptoMining } from './detectors/crypto-mining.ts';
import { forbiddenDestination } from './detectors/forbidden-destination.ts';
import { internalProbing } from './detectors/internal-probing.ts';
import { reverseTunnel } from './detectors/reverse-tunnel.ts';

export const DETECTORS: readonly Detector[] = [reverseTunnel, cryptoMining, internalProbing, forbiddenDestination];
