/**
 * Who may import whom: one sentence a rule. ARCHITECTURE.md has the same as a table.
 * Tests may import anything; nothing imports a test.
 */
const TEST = '\\.test\\.ts$|\\.conformance\\.ts$|^test/';
const PURE = '^src/(api|policy|admission|detect|respond|reconcile)/|^src/flows/[^/]+$';

/** A folder that may import only the listed ones (and packages). */
const only = (name, comment, from, allowed) => ({
  name,
  comment,
  severity: 'error',
  from: { path: from, pathNot: TEST },
  to: { path: '^(src|hack|test)/', pathNot: allowed },
});

module.exports = {
  forbidden: [
    { name: 'no-cycles', comment: 'No import cycles.', severity: 'error', from: {}, to: { circular: true } },
    {
      name: 'no-import-of-tests',
      comment: 'Nothing imports a test.',
      severity: 'error',
      from: { pathNot: TEST },
      to: { path: '\\.test\\.ts$|^test/', pathNot: '^test/(support|recordings)/' },
    },
    only('api-is-the-bottom', 'api imports nothing of ours.', '^src/api/', '^src/api/'),
    only('policy-is-pure', 'policy knows the API and itself.', '^src/policy/', '^src/(api|policy)/'),
    only('admission-is-pure', 'admission knows the API and itself.', '^src/admission/', '^src/(api|admission)/'),
    only(
      'flows-know-nobody',
      'The flow model and its decoders know only themselves and how to print.',
      '^src/flows/[^/]+$',
      '^src/flows/[^/]+$|^src/api/v1alpha1/display\\.ts$',
    ),
    only(
      'sources-know-flows',
      'Flow sources know the flow contract and themselves.',
      '^src/flows/sources/',
      '^src/flows/|^src/api/v1alpha1/display\\.ts$',
    ),
    only(
      'detect-is-pure',
      'Detection knows the API and the flow model.',
      '^src/detect/',
      '^src/(api|detect)/|^src/flows/[^/]+$',
    ),
    {
      name: 'detectors-are-strangers',
      comment: 'Detectors do not know one another.',
      severity: 'error',
      from: { path: '^src/detect/detectors/([^/]+)\\.ts$', pathNot: TEST },
      to: { path: '^src/detect/detectors/', pathNot: '^src/detect/detectors/$1\\.ts$' },
    },
    only(
      'respond-plans',
      'Response turns findings into plans with what policy offers.',
      '^src/respond/',
      '^src/(api|respond|policy)/|^src/detect/finding\\.ts$|^src/flows/flow\\.ts$',
    ),
    only(
      'reconcile-has-ports',
      'Reconciliation knows the domain and its own ports, never an edge.',
      '^src/reconcile/',
      '^src/(api|policy|admission|detect|respond|reconcile)/|^src/flows/[^/]+$',
    ),
    only(
      'kube-is-an-edge',
      'The cluster edge knows the API types, the ports it implements and the logger.',
      '^src/kube/',
      '^src/(api|kube|telemetry)/|^src/reconcile/ports\\.ts$',
    ),
    only('telemetry-is-an-edge', 'Telemetry knows the API and itself.', '^src/telemetry/', '^src/(api|telemetry)/'),
    only('config-is-an-edge', 'Configuration knows itself.', '^src/config/', '^src/(api|config)/'),
    {
      name: 'only-kube-talks-to-kubernetes',
      comment: 'Only kube/ imports a Kubernetes client.',
      severity: 'error',
      from: { path: '^src/', pathNot: `^src/kube/|${TEST}` },
      to: { path: 'node_modules/(@kubernetes/client-node|@dot-i/)' },
    },
    {
      name: 'only-sources-talk-grpc',
      comment: 'Only flow sources import gRPC.',
      severity: 'error',
      from: { path: '^src/', pathNot: `^src/flows/sources/|${TEST}` },
      to: { path: 'node_modules/@grpc/' },
    },
    {
      name: 'pure-means-no-node',
      comment: 'Pure folders import nothing of Node but hashing.',
      severity: 'error',
      from: { path: PURE, pathNot: TEST },
      to: { dependencyTypes: ['core'], pathNot: '^(node:)?crypto$' },
    },
    {
      name: 'no-orphan-packages',
      comment: 'Every package that is imported stands in package.json.',
      severity: 'error',
      from: { path: '^src/' },
      to: { dependencyTypes: ['npm-no-pkg', 'npm-unknown', 'unknown', 'undetermined'] },
    },
  ],
  options: {
    parser: 'swc',
    doNotFollow: { path: 'node_modules' },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['import', 'node', 'default', 'types'],
      extensions: ['.ts', '.mjs', '.cjs', '.js', '.json'],
    },
    exclude: { path: '\\.json$' },
  },
};
