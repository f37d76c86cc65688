/**
 * The part of an AgentSandbox that says what is watched for in its pods' flows. The detectors themselves are detect/.
 */
import Type from 'typebox';
import { DETECTOR_NAMES } from './detector-names.ts';
import { ACTIONS } from './sandbox-response.ts';
import { Cidr, Fqdn, listByKey, oneOf, rules, Time } from './schema-parts.ts';

const DetectorSetting = Type.Object({
  name: Type.Enum([...DETECTOR_NAMES], { type: 'string', description: 'The detector.' }),
  action: Type.Enum(['None', ...ACTIONS], {
    type: 'string',
    description: 'The most that a finding of it may cause. None: findings are neither stored nor acted on.',
  }),
});

const DetectionExemption = Type.Object({
  detectors: Type.Array(Type.Enum([...DETECTOR_NAMES], { type: 'string' }), {
    minItems: 1,
    maxItems: 16,
    description: 'Which detectors look away.',
  }),
  destination: Type.Object(
    {
      fqdn: Type.Optional(Fqdn('A name or wildcard.')),
      cidr: Type.Optional(Cidr('A network.')),
    },
    {
      description: 'From which destination.',
      ...rules({ rule: 'has(self.fqdn) != has(self.cidr)', message: 'set exactly one of fqdn and cidr' }),
    },
  ),
  ports: Type.Optional(
    Type.Array(Type.Integer({ minimum: 1, maximum: 65535 }), {
      maxItems: 64,
      description: 'On which ports; all when left out.',
    }),
  ),
  reason: Type.String({ minLength: 3, maxLength: 512, description: 'Why; shown in incidents.' }),
  expires: Type.Optional(Time('When the exemption ends.')),
});

export const Detection = Type.Object(
  {
    sensitivity: oneOf(['Relaxed', 'Balanced', 'Strict'], {
      default: 'Balanced',
      description: 'How early findings are raised.',
    }),
    detectors: listByKey(DetectorSetting, 'name', {
      maxItems: 32,
      default: [],
      description: 'Settings of single detectors. All are on by default.',
    }),
    exemptions: Type.Array(DetectionExemption, {
      maxItems: 64,
      default: [],
      description: 'Destinations that single detectors do not judge.',
    }),
  },
  { description: 'What is watched for in the pods’ flows.', default: {} },
);
