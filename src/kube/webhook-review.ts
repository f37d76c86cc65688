/**
 * AdmissionReview as bytes: reads a request and writes the answer. admission.k8s.io/v1 alone.
 *
 * Reads only what routing and the answer need; the object under review is judged by whoever handles it.
 */
import type { AdmissionDecision, AdmissionRequest } from '../api/admission-review.ts';

/** The body is not an AdmissionReview; the message says what is wrong with it. */
export class NotAReview extends Error {
  override readonly name = 'NotAReview';
}

/** @throws NotAReview */
export function decodeReview(body: string): AdmissionRequest {
  const review = asRecord(parse(body));
  if (review?.['kind'] !== 'AdmissionReview' || review['apiVersion'] !== API_VERSION) {
    throw new NotAReview(`expected apiVersion ${API_VERSION} and kind AdmissionReview`);
  }
  const request = asRecord(review['request']);
  const resource = asRecord(request?.['resource']);
  if (request === undefined || resource === undefined) {
    throw new NotAReview('expected a request with a resource');
  }
  const texts = [request['uid'], request['operation'], resource['group'], resource['resource']];
  if (texts.some((text) => typeof text !== 'string') || asRecord(request['userInfo']) === undefined) {
    throw new NotAReview('expected request.uid, request.operation, request.resource and request.userInfo');
  }
  return request as unknown as AdmissionRequest;
}

export function encodeReview(uid: string, decision: AdmissionDecision): string {
  const { allowed, message, patch = [], warnings, auditAnnotations } = decision;
  return JSON.stringify({
    apiVersion: API_VERSION,
    kind: 'AdmissionReview',
    response: {
      uid,
      allowed,
      ...(allowed ? {} : { status: { code: FORBIDDEN, reason: 'Forbidden', message: message ?? 'refused' } }),
      ...(patch.length === 0
        ? {}
        : { patchType: 'JSONPatch', patch: Buffer.from(JSON.stringify(patch)).toString('base64') }),
      ...(warnings === undefined ? {} : { warnings }),
      ...(auditAnnotations === undefined ? {} : { auditAnnotations }),
    },
  });
}

function parse(body: string): unknown {
  try {
    return JSON.parse(body);
  } catch (error) {
    throw new NotAReview('the body is not JSON', { cause: error });
  }
}

function asRecord(value: unknown): Readonly<Record<string, unknown>> | undefined {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
    ? (value as Record<string, unknown>)
    : undefined;
}

const API_VERSION = 'admission.k8s.io/v1';
const FORBIDDEN = 403;
