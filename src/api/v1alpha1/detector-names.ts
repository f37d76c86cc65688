/**
 * The names of the detectors, as users write them in an AgentSandbox and read them in an AgentIncident.
 * The detectors themselves are in detect/; adding one starts here.
 */
export const DETECTOR_NAMES = [
  'ReverseTunnel',
  'CryptoMining',
  'InternalProbing',
  'ForbiddenDestination',
  'DNSTunnel',
  'Beaconing',
  'ICMPTunnel',
  'MetadataAccess',
  'ControlPlaneAccess',
  'ChainRPC',
  'ExecSignature',
] as const;

export type DetectorName = (typeof DETECTOR_NAMES)[number];
