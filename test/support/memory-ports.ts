/**
 * The ports of reconciliation over plain maps, with a switch that "kills" the process at the n-th write.
 *
 * For the order of steps and for crashes between any two of them; what the API server does with the writes is tested
 * against the real one in test/cluster.
 */
import type { AgentIncidentSpec, AgentIncidentStatus } from '../../src/api/v1alpha1/agent-incident.ts';
import type { AgentSandboxStatus } from '../../src/api/v1alpha1/agent-sandbox.ts';
import { MANAGED_BY_LABEL } from '../../src/api/v1alpha1/labels.ts';
import type { AgentIncident, AgentSandbox } from '../../src/api/v1alpha1/types.ts';
import type { ClusterFacts, PolicyObject } from '../../src/policy/plan.ts';
import type { PodView, Ports } from '../../src/reconcile/ports.ts';

/** What a kill -9 looks like from inside: the write never happened and nothing after it does. */
export class Killed extends Error {
  override readonly name = 'Killed';
}

export class MemoryWorld {
  sandboxes = new Map<string, AgentSandbox>();
  pods = new Map<string, PodView>();
  incidents = new Map<string, AgentIncident>();
  policies = new Map<string, PolicyObject>();
  events: { reason: string; message: string; about: string }[] = [];
  facts: ClusterFacts = { engine: 'kubernetes', apiServerAddresses: [], nodeAddresses: [], services: new Map() };
  now = new Date('2026-11-22T10:00:00Z');
  writes = 0;
  /** The write that does not happen any more; Infinity for none. */
  killAtWrite = Number.POSITIVE_INFINITY;
  /** Called after every write that did happen. */
  afterWrite: () => void = () => {};
  #ids = 0;

  #write(change: () => void): void {
    if (this.writes + 1 >= this.killAtWrite) {
      throw new Killed(`killed at write ${this.killAtWrite}`);
    }
    this.writes += 1;
    change();
    this.afterWrite();
  }

  ports(): Ports {
    return {
      world: {
        sandbox: (namespace, name) => this.sandboxes.get(`${namespace}/${name}`),
        sandboxes: (namespace) => [...this.sandboxes.values()].filter((s) => s.metadata.namespace === namespace),
        pods: (namespace) => [...this.pods.values()].filter((pod) => pod.namespace === namespace),
        incidents: (namespace) => [...this.incidents.values()].filter((i) => i.metadata.namespace === namespace),
        facts: () => this.facts,
      },
      policies: this.#policyPort(),
      pods: {
        label: async (pod, labels) => this.#write(() => this.#label(pod, labels)),
        remove: async (pod) => this.#write(() => this.pods.delete(pod.uid)),
      },
      incidents: this.#incidentPort(),
      sandboxes: {
        writeStatus: async (sandbox, status) => this.#write(() => this.#sandboxStatus(sandbox, status)),
      },
      reporter: {
        report: (about, event) => {
          this.events.push({ reason: event.reason, message: event.message, about: `${about.kind}/${about.name}` });
        },
      },
      coverage: () => [],
      clock: { now: () => this.now },
      newPodId: () => {
        this.#ids += 1;
        return `id-${this.#ids}`;
      },
    };
  }

  #policyPort(): Ports['policies'] {
    const id = (object: PolicyObject) => `${object.metadata.namespace}/${object.kind}/${object.metadata.name}`;
    return {
      apply: async (object) => {
        const changed = JSON.stringify(this.policies.get(id(object))) !== JSON.stringify(object);
        if (changed) {
          this.#write(() => this.policies.set(id(object), structuredClone(object)));
        }
        return { changed };
      },
      list: (namespace) =>
        [...this.policies.values()].filter(
          (object) =>
            object.metadata.namespace === namespace && object.metadata.labels?.[MANAGED_BY_LABEL] === 'bulkhead',
        ),
      read: async (object) => this.policies.get(id(object)),
      remove: async (object) => this.#write(() => this.policies.delete(id(object))),
    };
  }

  #incidentPort(): Ports['incidents'] {
    const put = (incident: AgentIncident) => {
      this.incidents.set(`${incident.metadata.namespace}/${incident.metadata.name}`, incident);
      return incident;
    };
    const current = (incident: AgentIncident) =>
      this.incidents.get(`${incident.metadata.namespace}/${incident.metadata.name}`) ?? incident;
    const write = (change: () => AgentIncident): AgentIncident => {
      let result: AgentIncident | undefined;
      this.#write(() => {
        result = put(change());
      });
      if (result === undefined) {
        throw new Error('unreachable: a write either happens or throws');
      }
      return result;
    };
    return {
      create: async (incident) => write(() => structuredClone(incident)),
      writeSpec: async (incident, spec: AgentIncidentSpec) => write(() => ({ ...current(incident), spec })),
      writeStatus: async (incident, status: AgentIncidentStatus) => write(() => ({ ...current(incident), status })),
    };
  }

  #label(pod: PodView, labels: Readonly<Record<string, string | null>>): void {
    const live = this.pods.get(pod.uid);
    if (live === undefined) {
      return;
    }
    const merged = Object.entries({ ...live.labels, ...labels }).filter(([, value]) => value !== null);
    this.pods.set(pod.uid, { ...live, labels: Object.fromEntries(merged) as Record<string, string> });
  }

  #sandboxStatus(sandbox: AgentSandbox, status: AgentSandboxStatus): void {
    const key = `${sandbox.metadata.namespace}/${sandbox.metadata.name}`;
    const live = this.sandboxes.get(key);
    if (live !== undefined) {
      this.sandboxes.set(key, { ...live, status });
    }
  }
}
