/**
 * Schema pieces that more than one kind or field uses: selectors, CIDRs, names, ports, conditions.
 *
 * Every list, map and string is bounded: the API server refuses a CRD whose CEL rules could cost too much, and a bound is
 * also what keeps a hostile object small. CIDR and IP functions in the rules need Kubernetes 1.31.
 */
import Type, { type TEnum, type TSchema } from 'typebox';

/** One CEL rule of a structural schema, with the sentence the user sees. */
export interface CelRule {
  rule: string;
  message: string;
}

/** The schema option that carries CEL rules into the CRD and into the offline validator alike. */
export function rules(...list: CelRule[]): { 'x-kubernetes-validations': CelRule[] } {
  return { 'x-kubernetes-validations': list };
}

/** A string that takes one of a few words. */
export function oneOf<const T extends string[]>(
  words: readonly [...T],
  options: { description: string; default?: T[number] },
): TEnum<T> {
  return Type.Enum<T>(words, { type: 'string', ...options });
}

/** A list whose items are told apart by one field; server-side apply merges by it and duplicates are refused. */
export function listByKey<T extends TSchema>(
  item: T,
  key: string,
  options: { maxItems: number; description: string; default?: unknown[] },
) {
  return Type.Array(item, { ...options, 'x-kubernetes-list-type': 'map', 'x-kubernetes-list-map-keys': [key] });
}

/** Kubernetes duration as people write it. */
export const Duration = (options: { description: string; default?: string }) =>
  Type.String({ ...options, maxLength: 16, pattern: '^([0-9]+(s|m|h|d))+$' });

/** Kubernetes quantity. */
export const Quantity = (options: { description: string }) =>
  Type.String({ ...options, maxLength: 32, pattern: '^[0-9]+(\\.[0-9]+)?(m|k|M|G|T|P|Ki|Mi|Gi|Ti|Pi)?$' });

/** RFC 1123 label, for names of rules. */
export const DnsLabel = (description: string) =>
  Type.String({ description, minLength: 1, maxLength: 63, pattern: '^[a-z0-9]([-a-z0-9]*[a-z0-9])?$' });

/** Name of a Kubernetes object: an RFC 1123 subdomain. */
export const ObjectName = (description: string) =>
  Type.String({
    description,
    minLength: 1,
    maxLength: 253,
    pattern: '^[a-z0-9]([-a-z0-9]*[a-z0-9])?([.][a-z0-9]([-a-z0-9]*[a-z0-9])?)*$',
  });

/** A network without host bits, IPv4 or IPv6. */
export const Cidr = (description: string) =>
  Type.String({
    description,
    minLength: 3,
    maxLength: 43,
    ...rules({
      rule: 'isCIDR(self) && cidr(self) == cidr(self).masked()',
      message:
        'must be a network such as 203.0.113.0/24 or 2001:db8::/32, without host bits after the prefix; write a single address as /32 or /128',
    }),
  });

/** A DNS name, exact or with one leading wildcard label. */
export const Fqdn = (description: string) =>
  Type.String({
    description,
    minLength: 3,
    maxLength: 253,
    pattern: '^(\\*\\.)?([a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?\\.)+[a-z]([-a-z0-9]{0,61}[a-z0-9])?$',
  });

const LABEL_VALUE = '^([A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?)?$';
const LABEL_KEY =
  '^([a-z0-9]([-a-z0-9]*[a-z0-9])?([.][a-z0-9]([-a-z0-9]*[a-z0-9])?)*/)?[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?$';

const LabelValue = Type.String({ maxLength: 63, pattern: LABEL_VALUE });

/** Labels of an object, or those a selector names. */
export const Labels = (description: string) =>
  Type.Record(Type.String(), LabelValue, {
    maxProperties: 32,
    description,
    ...rules({
      rule: `self.all(key, size(key) <= 317 && key.matches("${LABEL_KEY}"))`,
      message: 'every key must be a label key, such as app or example.com/role',
    }),
  });

const LabelSelectorRequirement = Type.Object({
  key: Type.String({ minLength: 1, maxLength: 317, pattern: LABEL_KEY, description: 'The label key.' }),
  operator: oneOf(['In', 'NotIn', 'Exists', 'DoesNotExist'], { description: 'How the key relates to the values.' }),
  values: Type.Optional(
    Type.Array(LabelValue, {
      maxItems: 64,
      description: 'The values; empty for Exists and DoesNotExist.',
    }),
  ),
});

/** metav1.LabelSelector, bounded. */
export const LabelSelector = (description: string, ...extra: CelRule[]) =>
  Type.Object(
    {
      matchLabels: Type.Optional(Labels('Labels that must all be there, with these values.')),
      matchExpressions: Type.Optional(
        Type.Array(LabelSelectorRequirement, {
          maxItems: 32,
          description: 'Requirements that must all hold.',
        }),
      ),
    },
    {
      description,
      ...rules(
        {
          rule: '!has(self.matchExpressions) || self.matchExpressions.all(e, e.operator in ["In", "NotIn"] ? (has(e.values) && size(e.values) > 0) : (!has(e.values) || size(e.values) == 0))',
          message: 'operators In and NotIn need values; Exists and DoesNotExist take none',
        },
        ...extra,
      ),
    },
  );

/** Pods by namespace and label, as NetworkPolicy has it. */
export const PodPeer = Type.Object(
  {
    namespaceSelector: Type.Optional(
      LabelSelector('Namespaces the pods are in; the sandbox’s own namespace when left out, every namespace when {}.'),
    ),
    podSelector: Type.Optional(LabelSelector('The pods; all pods of those namespaces when left out.')),
  },
  {
    description: 'Pods of this cluster.',
    ...rules({
      rule: 'has(self.namespaceSelector) || has(self.podSelector)',
      message: 'needs a namespaceSelector, a podSelector or both; use namespaceSelector: {} to mean every namespace',
    }),
  },
);

/** A network and the parts of it that are left out. */
export const cidrPeerFields = {
  cidr: Type.Optional(Cidr('A network, IPv4 or IPv6.')),
  except: Type.Optional(
    Type.Array(Cidr('A network inside cidr.'), {
      maxItems: 16,
      description: 'Networks inside cidr that stay denied.',
    }),
  ),
};

/** Rules for the two fields above. */
export const cidrPeerRules: CelRule[] = [
  { rule: '!has(self.except) || has(self.cidr)', message: 'except needs a cidr to take away from' },
  {
    rule: '!has(self.except) || !has(self.cidr) || !isCIDR(self.cidr) || self.except.all(e, isCIDR(e) && cidr(self.cidr).containsCIDR(e))',
    message: 'every network in except must lie inside cidr',
  },
];

/** One port or an inclusive range. */
export const PortRange = Type.Object(
  {
    protocol: oneOf(['TCP', 'UDP', 'SCTP'], { description: 'The transport protocol.', default: 'TCP' }),
    port: Type.Integer({ minimum: 1, maximum: 65535, description: 'The port, or the first of a range.' }),
    endPort: Type.Optional(Type.Integer({ minimum: 1, maximum: 65535, description: 'The last port of a range.' })),
  },
  rules({ rule: '!has(self.endPort) || self.endPort >= self.port', message: 'endPort must not be below port' }),
);

/** A list of ports that must not be empty: no port means refused, never "all". */
export const Ports = Type.Array(PortRange, {
  minItems: 1,
  maxItems: 64,
  description: 'The ports. There is no "all" by omission: write {port: 1, endPort: 65535} to mean it.',
});

/** metav1.Condition. */
export const Condition = Type.Object({
  type: Type.String({ maxLength: 316, description: 'CamelCase name of the condition.' }),
  status: oneOf(['True', 'False', 'Unknown'], { description: 'Whether it holds.' }),
  reason: Type.String({
    minLength: 1,
    maxLength: 1024,
    pattern: '^[A-Za-z]([A-Za-z0-9_,:]*[A-Za-z0-9_])?$',
    description: 'CamelCase word that programs may rely on.',
  }),
  message: Type.String({ maxLength: 32768, description: 'Sentence for people.' }),
  lastTransitionTime: Type.String({ format: 'date-time', description: 'When the status last changed.' }),
  observedGeneration: Type.Optional(
    Type.Integer({ minimum: 0, format: 'int64', description: 'The generation this was said of.' }),
  ),
});

export const Conditions = listByKey(Condition, 'type', {
  maxItems: 16,
  description: 'What is true, as metav1.Condition.',
});

/** A point in time. */
export const Time = (description: string) => Type.String({ format: 'date-time', description });
