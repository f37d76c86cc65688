/**
 * Generated policies in the API server, for reconciliation.
 */
import { MANAGED_BY, MANAGED_BY_LABEL } from '../api/v1alpha1/labels.ts';
import type { PolicyObject, PolicyPort } from '../reconcile/ports.ts';
import type { Applier } from './apply.ts';
import type { KubeClient } from './client.ts';
import { resourceOf } from './resources.ts';
import type { Store } from './store.ts';
import type { WorldStores } from './world.ts';

export function createPolicyPort(
  client: KubeClient,
  applier: Applier,
  stores: Pick<WorldStores, 'networkPolicies' | 'ciliumNetworkPolicies'>,
): PolicyPort {
  const all = [
    stores.networkPolicies,
    ...(stores.ciliumNetworkPolicies === undefined ? [] : [stores.ciliumNetworkPolicies]),
  ];
  return {
    apply: async (object) => {
      const store = storeOf(stores, object);
      const { namespace = '', name } = object.metadata;
      const applied = await applier.apply(object, store.get(namespace, name));
      if (applied.changed) {
        store.put(applied.object);
      }
      return { changed: applied.changed };
    },
    list: (namespace) =>
      all
        .flatMap((store) => store.list(namespace))
        .filter(({ metadata: { labels } }) => labels?.[MANAGED_BY_LABEL] === MANAGED_BY),
    read: (object) => {
      const { namespace, name } = object.metadata;
      return client.get<PolicyObject>({ resource: resourceOf(object), namespace, name });
    },
    remove: async (object) => {
      await applier.remove(object);
    },
  };
}

function storeOf(
  stores: Pick<WorldStores, 'networkPolicies' | 'ciliumNetworkPolicies'>,
  object: PolicyObject,
): Store<PolicyObject> {
  const store = object.kind === 'NetworkPolicy' ? stores.networkPolicies : stores.ciliumNetworkPolicies;
  if (store === undefined) {
    throw new Error(`the compiler wrote a ${object.kind}, which this cluster does not have`);
  }
  return store;
}
