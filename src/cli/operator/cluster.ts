/**
 * Connects to the cluster and asks it what it has: who we are, whether our kinds are installed, which policy engine.
 */
import { API_VERSION, FIELD_MANAGER } from '../../api/v1alpha1/labels.ts';
import type { KubeObject } from '../../api/v1alpha1/types.ts';
import type { OperatorConfig } from '../../config/config.ts';
import { KubeClient, type RequestObserver } from '../../kube/client.ts';
import { type LoadedKubeConfig, loadKubeConfig } from '../../kube/kube-config.ts';
import { Transport } from '../../kube/transport.ts';
import type { Engine } from '../../policy/plan.ts';
import { UsageError } from '../io.ts';

export interface Cluster {
  client: KubeClient;
  kubeConfig: LoadedKubeConfig['config'];
  server: string;
  /** Our authenticated name, such as system:serviceaccount:bulkhead-system:bulkhead. */
  username: string;
  /** What policies are written for. */
  engine: Engine;
  /** Whether Cilium's kinds are there, written for or not: what an earlier run wrote has to be found. */
  hasCilium: boolean;
}

/**
 * @throws UsageError when there is no cluster, or our CRDs are not in it.
 */
export async function connectCluster(
  config: OperatorConfig,
  environment: { kubeconfig: string | undefined; observe: RequestObserver },
): Promise<Cluster> {
  const loaded = loadKubeConfig({
    path: config.kubeconfig,
    context: config.context,
    fromEnvironment: environment.kubeconfig,
  });
  const client = new KubeClient({
    transport: new Transport(loaded.config),
    fieldManager: FIELD_MANAGER,
    observe: environment.observe,
  });
  const kinds = await client.discover(API_VERSION);
  if (kinds?.has('agentsandboxes') !== true || !kinds.has('agentincidents')) {
    throw new UsageError(
      `${loaded.server} has no ${API_VERSION}; install it with: kubectl apply --server-side -k config/default`,
    );
  }
  const hasCilium = (await client.discover('cilium.io/v2'))?.has('ciliumnetworkpolicies') === true;
  return {
    client,
    kubeConfig: loaded.config,
    server: loaded.server,
    username: await whoAmI(client),
    engine: chooseEngine(config.engine, hasCilium),
    hasCilium,
  };
}

function chooseEngine(wanted: OperatorConfig['engine'], hasCilium: boolean): Engine {
  if (wanted === 'cilium' && !hasCilium) {
    throw new UsageError('--engine cilium: the cluster has no ciliumnetworkpolicies.cilium.io');
  }
  return hasCilium && wanted !== 'kubernetes' ? 'cilium' : 'kubernetes';
}

async function whoAmI(client: KubeClient): Promise<string> {
  const review: SelfSubjectReview = {
    apiVersion: 'authentication.k8s.io/v1',
    kind: 'SelfSubjectReview',
    metadata: { name: '' },
  };
  const resource = {
    apiVersion: review.apiVersion,
    kind: review.kind,
    plural: 'selfsubjectreviews',
    namespaced: false,
  };
  const answer = await client.create(resource, review);
  return answer.status?.userInfo?.username ?? '';
}

interface SelfSubjectReview extends KubeObject {
  status?: { userInfo?: { username?: string } };
}
