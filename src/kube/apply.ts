/**
 * Writes generated objects by server-side apply, and never anybody else's.
 *
 * An object of the same name that Bulkhead did not make is left alone, even when it appears between our look and our
 * write: every apply says which object it means, by UID, or that there must be none. What we own is put back to exactly
 * the generated body and owners: a field that somebody added beside ours would otherwise stay, and could allow what we
 * deny, and through an owner of theirs the garbage collector would delete it. No single mark proves that it is ours,
 * because whoever may edit it can take the mark away; nothing that somebody adds makes it theirs.
 */
import { createHash } from 'node:crypto';
import { isDeepStrictEqual } from 'node:util';
import { isApiStatus, TerminalError, TransientError } from '../api/errors.ts';
import { MANAGED_BY, MANAGED_BY_LABEL } from '../api/v1alpha1/labels.ts';
import type { KubeObject, ObjectMeta } from '../api/v1alpha1/types.ts';
import type { KubeClient } from './client.ts';
import { type ObjectRef, resourceOf } from './resources.ts';

export interface Applied<T extends KubeObject> {
  /** Whether the API server stored something new. */
  changed: boolean;
  object: T;
}

export interface ApplierOptions {
  client: KubeClient;
  fieldManager: string;
  /** Most objects that are remembered as applied; the one that was asked for longest ago goes first. Default 20 000. */
  maxRemembered?: number;
}

export interface Applier {
  /**
   * Makes the object in the API server what `desired` says.
   *
   * @param live - what a cache knows of it; when it is already right, nothing is sent at all.
   * @throws TerminalError `NameConflict` when the name belongs to somebody else.
   */
  apply<T extends KubeObject>(desired: T, live?: T): Promise<Applied<T>>;
  /** Deletes this very object (by UID). Resolves with false when it was gone. Leaves alone what is not ours. */
  remove(object: KubeObject): Promise<boolean>;
}

/** @example const { changed } = await applier.apply(networkPolicy, store.get(namespace, name)); */
export function createApplier(options: ApplierOptions): Applier {
  const { client, fieldManager, maxRemembered = MAX_REMEMBERED } = options;
  /**
   * By UID, the body of each object as the server stored it after our last apply: defaults it adds are no drift. In the
   * order in which they were last asked for.
   */
  const settled = new Map<string, { hash: string; body: unknown }>();

  function remember(object: KubeObject, hash: string): void {
    const uid = object.metadata.uid ?? '';
    settled.delete(uid);
    settled.set(uid, { hash, body: bodyOf(object) });
    for (const eldest of settled.keys()) {
      if (settled.size <= maxRemembered) {
        break;
      }
      settled.delete(eldest);
    }
  }

  /** One mark is enough; see the head of this module. */
  function isOurs(object: KubeObject): boolean {
    const { uid = '', labels, annotations, managedFields } = object.metadata as ManagedMeta;
    return (
      labels?.[MANAGED_BY_LABEL] === MANAGED_BY ||
      annotations?.[HASH_ANNOTATION] !== undefined ||
      settled.has(uid) ||
      (managedFields?.some((entry) => isOwnEntry(entry, fieldManager)) ?? false)
    );
  }

  function assertOurs(live: KubeObject): void {
    if (!isOurs(live)) {
      const { namespace, name } = live.metadata;
      throw new TerminalError(
        'NameConflict',
        `${live.kind} ${namespace}/${name} exists and was not made by Bulkhead, so it is not touched; rename or delete it, and the policy is written`,
      );
    }
  }

  async function apply<T extends KubeObject>(desired: T, cached?: T): Promise<Applied<T>> {
    const stamped = stamp(desired);
    let live: T | undefined = cached;
    for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt += 1) {
      if (live !== undefined) {
        assertOurs(live);
        if (isSettled(live, stamped)) {
          remember(live, hashOf(stamped));
          return { changed: false, object: live };
        }
      }
      try {
        return await write(stamped, live);
      } catch (error) {
        if (!isApiStatus(error, 409)) {
          throw error;
        }
        // It appeared, vanished or changed since we looked. Look at the real one.
        live = await client.get<T>(refOf(stamped));
      }
    }
    const { namespace, name } = desired.metadata;
    throw new TransientError(
      'Conflict',
      `${desired.kind} ${namespace}/${name} keeps changing while it is being applied`,
    );
  }

  async function write<T extends KubeObject>(stamped: T, live: T | undefined): Promise<Applied<T>> {
    const guard = live === undefined ? { resourceVersion: NO_SUCH_VERSION } : { uid: live.metadata.uid };
    const body = { ...stamped, metadata: { ...stamped.metadata, ...guard } };
    let object = await client.apply<T>(resourceOf(stamped), body, { force: live !== undefined });
    if (isShared(object, fieldManager) || !hasOwners(object.metadata, stamped.metadata)) {
      object = await takeBack(stamped, object);
    }
    remember(object, hashOf(stamped));
    return { changed: object.metadata.resourceVersion !== live?.metadata.resourceVersion, object };
  }

  /**
   * Replaces the body and the owners, and with them what another manager added. Labels, annotations and finalizers of
   * others are theirs.
   */
  async function takeBack<T extends KubeObject>(stamped: T, object: T): Promise<T> {
    const { ownerReferences = [] } = stamped.metadata;
    const metadata = { ...object.metadata, ownerReferences, managedFields: ownFields(object, fieldManager) };
    const whole = { ...stamped, metadata };
    return client.replace<T>(resourceOf(stamped), whole);
  }

  function isSettled<T extends KubeObject>(live: T, stamped: T): boolean {
    const hash = hashOf(stamped);
    if (live.metadata.annotations?.[HASH_ANNOTATION] !== hash || !hasMetadata(live.metadata, stamped.metadata)) {
      return false;
    }
    const known = settled.get(live.metadata.uid ?? '');
    const body = known?.hash === hash ? known.body : storedBody(stamped);
    return isDeepStrictEqual(bodyOf(live), body);
  }

  async function remove(object: KubeObject): Promise<boolean> {
    const live = await client.get(refOf(object));
    if (live === undefined || live.metadata.uid !== object.metadata.uid || !isOurs(live)) {
      return false;
    }
    settled.delete(live.metadata.uid ?? '');
    return client.delete(refOf(object), { uid: live.metadata.uid, propagationPolicy: 'Background' });
  }

  return { apply, remove };
}

/** On generated objects: hash of what was applied, so that a cache can tell "as applied" without asking. */
export const HASH_ANNOTATION = 'bulkhead.dev/applied-hash';

interface ManagedFields {
  manager: string;
  operation: string;
  subresource?: string;
  fieldsV1?: Record<string, unknown>;
}

type ManagedMeta = ObjectMeta & { managedFields?: ManagedFields[] };

function stamp<T extends KubeObject>(desired: T): T {
  const annotations = { ...desired.metadata.annotations, [HASH_ANNOTATION]: contentHash(desired) };
  return { ...desired, metadata: { ...desired.metadata, annotations } };
}

function hashOf(stamped: KubeObject): string {
  return stamped.metadata.annotations?.[HASH_ANNOTATION] ?? '';
}

/** 64 bits of SHA-256 over the object; the compiler gives the same bytes for the same input. */
function contentHash(object: KubeObject): string {
  return createHash('sha256').update(JSON.stringify(object)).digest('hex').slice(0, 16);
}

function isOwnEntry(entry: ManagedFields, fieldManager: string): boolean {
  return entry.manager === fieldManager && entry.operation === 'Apply';
}

/** Whether somebody else owns a field of the body. */
function isShared(object: KubeObject, fieldManager: string): boolean {
  const { managedFields = [] } = object.metadata as ManagedMeta;
  return managedFields.some(
    (entry) =>
      !isOwnEntry(entry, fieldManager) &&
      entry.subresource === undefined &&
      Object.keys(entry.fieldsV1 ?? {}).some((field) => field !== 'f:metadata' && field !== 'f:status'),
  );
}

function ownFields(object: KubeObject, fieldManager: string): ManagedFields[] {
  const { managedFields = [] } = object.metadata as ManagedMeta;
  return managedFields.filter((entry) => isOwnEntry(entry, fieldManager) || entry.subresource !== undefined);
}

/** Whether every label and annotation that is wanted is there, beside which others may add theirs, and no other owner. */
function hasMetadata(live: ObjectMeta, desired: ObjectMeta): boolean {
  return (
    contains(live.labels, desired.labels) && contains(live.annotations, desired.annotations) && hasOwners(live, desired)
  );
}

/** Whether the owners are those that are wanted, in any order. */
function hasOwners(live: ObjectMeta, desired: ObjectMeta): boolean {
  const { ownerReferences: owners = [] } = live;
  const { ownerReferences: wanted = [] } = desired;
  return (
    owners.length === wanted.length &&
    wanted.every((reference) => owners.some((owner) => isDeepStrictEqual(owner, reference)))
  );
}

function contains(live: Record<string, string> | undefined, desired: Record<string, string> | undefined): boolean {
  return Object.entries(desired ?? {}).every(([key, value]) => live?.[key] === value);
}

/** Everything but identity, metadata and status. */
function bodyOf(object: KubeObject): unknown {
  const { apiVersion: _a, kind: _k, metadata: _m, status: _s, ...body } = object as KubeObject & { status?: unknown };
  return body;
}

/** The body as the API server will store it, so that a restart does not write every policy once more. */
function storedBody(desired: KubeObject): unknown {
  const body = bodyOf(desired);
  return DROPS_EMPTY_LISTS.has(desired.apiVersion)
    ? JSON.parse(JSON.stringify(body, (_key, value: unknown) => (isEmptyList(value) ? undefined : value)))
    : body;
}

function isEmptyList(value: unknown): boolean {
  return Array.isArray(value) && value.length === 0;
}

function refOf(object: KubeObject): ObjectRef {
  const { namespace, name } = object.metadata;
  return { resource: resourceOf(object), namespace, name };
}

/**
 * Versions begin at 1 and no object a cluster holds ever has it, so an apply that names it creates, or fails with 409 when
 * there is an object already. Server-side apply has no other way to say "only if there is none".
 */
const NO_SUCH_VERSION = '1';
const MAX_ATTEMPTS = 3;
/** Of 4 000 sandboxes, five each: the floor, and the allow list and a quarantine for both engines. */
const MAX_REMEMBERED = 20_000;
/**
 * Groups whose Go types leave empty lists out when stored, so that there an empty and an absent list are one. In a CRD
 * they are two, and may mean the opposite: an empty `ingress` of Cilium denies all, an absent one nothing.
 */
const DROPS_EMPTY_LISTS = new Set(['networking.k8s.io/v1']);
