/**
 * The part of an AgentSandbox that says what is done about a finding, and how a pod is let go. Doing it is respond/.
 */
import Type from 'typebox';
import { Duration } from './schema-parts.ts';

/** What Bulkhead may do, mildest first. */
export const ACTIONS = ['Alert', 'Restrict', 'Quarantine', 'Suspend'] as const;

export const Response = Type.Object(
  {
    action: Type.Enum([...ACTIONS], {
      type: 'string',
      default: 'Quarantine',
      description: 'The most Bulkhead may do by itself.',
    }),
    quarantine: Type.Object(
      {
        keepPod: Type.Boolean({
          default: true,
          description: 'Keep the pod as evidence. When false the pod is deleted once it is cut off.',
        }),
        ttl: Type.Optional(Duration({ description: 'Release by itself after this time. Never when left out.' })),
      },
      { description: 'How a pod is cut off.', default: {} },
    ),
    release: Type.Object(
      {
        approvals: Type.Integer({
          minimum: 1,
          maximum: 5,
          default: 1,
          description: 'How many people must approve a release.',
        }),
        cooldown: Duration({ default: '0s', description: 'Time between the last approval and the release.' }),
      },
      { description: 'How a pod is let go.', default: {} },
    ),
    circuitBreaker: Type.Optional(
      Type.Object(
        {
          incidents: Type.Integer({ minimum: 1, maximum: 1000, description: 'How many incidents.' }),
          window: Duration({ description: 'In how long a time.' }),
        },
        { description: 'So many incidents put the whole sandbox into Lockdown.' },
      ),
    ),
    blastRadius: Type.Optional(
      Type.Object(
        {
          maxPods: Type.Integer({ minimum: 1, maximum: 10000, default: 5, description: 'The most pods.' }),
          maxPercent: Type.Integer({
            minimum: 1,
            maximum: 100,
            default: 20,
            description: 'The most of the sandbox’s pods, in percent.',
          }),
          window: Duration({ default: '5m', description: 'In how long a time.' }),
        },
        { description: 'A quarantine of more pods than this for one cause becomes an alert.' },
      ),
    ),
  },
  { description: 'What is done about a finding.', default: {} },
);
