// Writes the spans and metrics that it reads as JSON from standard input as OTLP/JSON, by @opentelemetry/otlp-transformer: what ours must equal.
import { JsonTraceSerializer, JsonMetricsSerializer } from "@opentelemetry/otlp-transformer";
import { readFileSync } from "node:fs";

const given = JSON.parse(readFileSync(0, "utf8"));
const time = (text) => [Number(text.slice(0, -9)), Number(text.slice(-9))];
const attributes = (pairs) => Object.fromEntries(pairs);
const resource = { attributes: attributes(given.resource) };
const text = (bytes) => JSON.parse(new TextDecoder().decode(bytes));

const spans = given.spans.map((span) => ({
  name: span.name, kind: span.kind - 1, // the API counts from 0, the wire from 1
  spanContext: () => ({ traceId: span.trace_id, spanId: span.span_id, traceFlags: 1 }),
  parentSpanContext: span.parent_id && { traceId: span.trace_id, spanId: span.parent_id, traceFlags: 1, isRemote: span.remote },
  startTime: time(span.start), endTime: time(span.finish), attributes: attributes(span.attributes),
  status: span.failed ? { code: 2, message: span.message } : { code: 0 },
  events: [], links: [], droppedAttributesCount: 0, droppedEventsCount: 0, droppedLinksCount: 0,
  resource, instrumentationScope: given.scope,
}));

const points = (metric) => metric.points.map((point) => ({
  attributes: attributes(point.attributes), startTime: time(given.start), endTime: time(given.now),
  value: metric.kind === "counter" ? point.value : {
    buckets: { boundaries: metric.bounds, counts: point.counts }, count: point.count, sum: point.sum, min: point.min, max: point.max,
  },
}));

const metrics = given.metrics.map((metric) => ({
  descriptor: { name: metric.name, description: metric.description, unit: metric.unit, valueType: metric.kind === "counter" ? 0 : 1 },
  aggregationTemporality: 1, dataPointType: metric.kind === "counter" ? 3 : 0, isMonotonic: true, dataPoints: points(metric),
}));

console.log(JSON.stringify({
  traces: text(JsonTraceSerializer.serializeRequest(spans)),
  metrics: text(JsonMetricsSerializer.serializeRequest({ resource, scopeMetrics: [{ scope: given.scope, metrics }] })),
}));
