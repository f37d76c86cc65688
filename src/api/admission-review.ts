/**
 * The admission webhook wire, as far as Bulkhead uses it: admission.k8s.io/v1.
 *
 * It stands here because both ends need it and may not know each other: `kube/webhook-server.ts` speaks it and
 * `admission/` decides. Objects stay `unknown`: they are read by the one who judges them.
 */

/** One RFC 6902 operation, of the kinds Bulkhead writes. */
export type JsonPatchOp = { op: 'add' | 'replace'; path: string; value: unknown } | { op: 'remove'; path: string };

/** Who asks, as the API server authenticated them. */
export interface RequestUser {
  username?: string;
  groups?: readonly string[];
}

/** AdmissionReview.request. */
export interface AdmissionRequest {
  uid: string;
  resource: { group: string; version: string; resource: string };
  subResource?: string;
  namespace?: string;
  /** Empty while the API server has yet to make a name up. */
  name?: string;
  operation: 'CREATE' | 'UPDATE' | 'DELETE' | 'CONNECT';
  userInfo: RequestUser;
  object?: unknown;
  oldObject?: unknown;
  dryRun?: boolean;
}

/** What becomes AdmissionReview.response; the server adds the uid and encodes the patch. */
export interface AdmissionDecision {
  allowed: boolean;
  /** Why not, for the person who asked. */
  message?: string;
  /** Absent or empty: unchanged. */
  patch?: readonly JsonPatchOp[];
  /** Shown by kubectl. */
  warnings?: readonly string[];
  /** Kept in the audit log; the API server puts the webhook's name before each key. */
  auditAnnotations?: Readonly<Record<string, string>>;
}

/** Decides on one request. A throw is a bug: the server answers 500, and failurePolicy decides. */
export type AdmissionHandler = (request: AdmissionRequest) => AdmissionDecision | Promise<AdmissionDecision>;
