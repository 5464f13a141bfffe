// The Responses API over WebSockets, as scripted answers: what spec/transport/websocket_spec.lua speaks with. The WebSockets are those of the
// npm package ws; what that cannot say (a frame that is against the protocol) is written to its socket.
//
// usage: node responses.mjs PORT [CERTIFICATE KEY]
//
//   ws://…/v1/responses            answers each response.create by the scenario that its model names: see `scenarios`
//   ws://…/refuse/STATUS/…         refuses the upgrade with that status, a JSON error and retry-after
//   ws://…/refuse_chunked/STATUS/… the same, its body in chunks
//   ws://…/wrong/WHAT/…            says 101, but not as it has to: accept, extension, protocol
//   ws://…/silent/…                never answers the upgrade
//   GET /stats                     {connections: [{authorization, extensions, requests: [message, …]}]}
//   GET /v1/models, POST           plain HTTP
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import { createServer as createSecureServer } from "node:https";
import { WebSocketServer } from "ws";

const connections = [];
let ids = 0;

// --- answers --------------------------------------------------------------------------------------------------------

const item = (text) => ({ type: "message", id: "msg_1", role: "assistant", status: "completed", content: [{ type: "output_text", text, annotations: [] }] });

function response(id, request, status, text, more) {
  return {
    id, object: "response", created_at: 1, status, model: request.model, output: text === undefined ? [] : [item(text)],
    usage: status === "in_progress" ? null : { input_tokens: 3, output_tokens: 2, total_tokens: 5 }, ...more,
  };
}

// The events of an answer of these texts; `end` is the word for how it ends.
function events(request, texts, end = "completed", more = {}) {
  const id = `resp_${++ids}`;
  const list = [
    { type: "response.created", response: response(id, request, "in_progress") },
    { type: "response.output_item.added", output_index: 0, item: { ...item(""), status: "in_progress", content: [] } },
    ...texts.map((delta) => ({ type: "response.output_text.delta", item_id: "msg_1", output_index: 0, content_index: 0, delta })),
    { type: `response.${end}`, response: response(id, request, end, texts.join(""), more) },
  ];
  return list.map((event, i) => JSON.stringify({ type: event.type, sequence_number: i, ...event }));
}

const TEXTS = ["Bonjour ! ", "Ça coûte ", "3 €. 😀"];
const sendAll = (ws, list) => list.forEach((text) => ws.send(text));
const refusal = (status, code, headers) => JSON.stringify({
  type: "error", status, error: { type: "some_error", code, message: `refused with ${status}`, param: null }, ...(headers && { headers }),
});
const ENDED = "websocket_connection_limit_reached";
const raw = (ws, ...bytes) => ws._socket.write(Buffer.from(bytes));

// Bytes as a text message in fragments of n bytes, which cut characters in two.
function sendFragments(ws, text, n, between = () => {}) {
  const bytes = Buffer.from(text);
  for (let at = 0; at < bytes.length; at += n) {
    ws.send(bytes.subarray(at, at + n), { binary: false, fin: at + n >= bytes.length });
    between();
  }
}

const WRONG = { utf8: [0x81, 1, 0xff], masked: [0x81, 0x80, 0, 0, 0, 0], reserved: [0xc1, 0], huge: [0x81, 127, 0, 0, 0, 0, 2, 0, 0, 1], close: [0x88, 2, 3, 0xed] };

// scenario[:argument] -> what it does with (ws, request, argument, connection)
const scenarios = {
  plain: (ws, request) => sendAll(ws, events(request, TEXTS)),
  // who was asked what: connection, request of it, previous_response_id, input
  echo(ws, request, _, connection) {
    const text = [connections.indexOf(connection) + 1, connection.requests.length, request.previous_response_id ?? "", JSON.stringify(request.input)];
    sendAll(ws, events(request, [text.join(" ")]));
  },
  fragments: (ws, request) => events(request, TEXTS).forEach((text) => sendFragments(ws, text, 7)),
  // a ping between all events and inside of one; goes on when its pong is here
  pings(ws, request) {
    const [first, ...rest] = events(request, TEXTS);
    ws.send(first);
    ws.ping("still there?");
    ws.once("pong", function answered(data) {
      if (!data.length) return ws.once("pong", answered); // of a ping of the answer before, which had no words
      if (data.toString() !== "still there?") return ws.close(4000, "another pong");
      return rest.forEach((text) => sendFragments(ws, text, 20, () => ws.ping()));
    });
  },
  ended: (ws, request, how) => sendAll(ws, events(request, TEXTS, how, how === "incomplete" ? { incomplete_details: { reason: "max_output_tokens" } } : { error: { code: "server_error", message: "it broke" } })),
  pretty: (ws, request) => sendAll(ws, events(request, TEXTS).map((text) => JSON.stringify(JSON.parse(text), null, 2))),
  slow: (ws, request) => events(request, TEXTS).forEach((text, i) => setTimeout(() => ws.send(text), 20 * i)),
  binary: (ws, request) => ws.send(Buffer.from(events(request, TEXTS)[0]), { binary: true }),
  wrong: (ws, request, what) => raw(ws, ...WRONG[what]),
  wrong_later(ws, request, what) {
    sendAll(ws, events(request, TEXTS).slice(0, 3));
    raw(ws, ...WRONG[what]);
  },
  close: (ws, request, code) => ws.close(code === "none" ? undefined : Number(code), "so it is"),
  cut(ws, request, code) {
    sendAll(ws, events(request, TEXTS).slice(0, 3));
    if (code === "end") ws._socket.end();
    else ws.close(Number(code), "so it is");
  },
  silent() {},
  stall: (ws, request) => sendAll(ws, events(request, TEXTS).slice(0, 3)),
  // an answer, and then the end of the connection
  gone(ws, request, code) {
    sendAll(ws, events(request, TEXTS));
    if (code === "end") ws._socket.end();
    else ws.close(Number(code));
  },
  // an answer, and then something that nobody asked for
  more(ws, request) {
    sendAll(ws, events(request, TEXTS));
    ws.send(events(request, ["not yours"]).at(-1));
  },
  refuse(ws, request, status, connection) {
    ws.send(refusal(Number(status), "some_code", { "Retry-After": "7", "x-request-id": `req_${connection.requests.length}` }));
  },
  refuse_once(ws, request, status, connection) {
    if (connection.requests.length > 1) return sendAll(ws, events(request, TEXTS));
    return ws.send(refusal(Number(status), "some_code"));
  },
  told_first(ws) {
    ws.send(JSON.stringify({ type: "rate_limits", remaining: 0 }));
    ws.send(refusal(429, "rate_limit_exceeded"));
  },
  // much that says nothing of the answer, and then the answer, or a refusal
  chatter(ws, request, end) {
    for (let i = 0; i < 100; i++) ws.send(JSON.stringify({ type: "rate_limits", filler: "x".repeat(1000) }));
    if (end === "refusal") ws.send(refusal(429, "rate_limit_exceeded"));
    else sendAll(ws, events(request, TEXTS));
  },
  flat: (ws) => ws.send(JSON.stringify({ type: "error", code: "some_code", message: "it broke", param: null })),
  late(ws, request) {
    sendAll(ws, events(request, TEXTS).slice(0, 3));
    ws.send(refusal(500, "server_error"));
  },
  // an error inside of an answer, and behind it what it cost; or something else, or silence
  behind(ws, request, what) {
    const list = events(request, TEXTS, "failed", { error: { code: "server_error", message: "it broke" } });
    sendAll(ws, list.slice(0, 3));
    ws.send(refusal(500, "server_error"));
    if (what === "failed") setTimeout(() => ws.send(list.at(-1)), 5);
    if (what === "end") ws._socket.end();
    if (what === "wrong") raw(ws, ...WRONG.utf8);
  },
  // its hour is over: after one answer, or at once
  expired(ws, request, when, connection) {
    if (when === "at_once" || connection.requests.length > 1) return ws.send(refusal(400, ENDED));
    return sendAll(ws, events(request, TEXTS));
  },
  // the same as an event without a status, flat
  expired_flat(ws, request, when, connection) {
    if (when !== "at_once" && connection.requests.length === 1) return sendAll(ws, events(request, TEXTS));
    return ws.send(JSON.stringify({ type: "error", code: ENDED, message: "its hour is over", param: null, sequence_number: 0 }));
  },
  // an answer, and the next request closes the connection
  close_later(ws, request, code, connection) {
    if (connection.requests.length > 1) return ws.close(Number(code), "so it is");
    return sendAll(ws, events(request, TEXTS));
  },
  // the lines of the file that the instructions name
  file: (ws, request) => sendAll(ws, readFileSync(request.instructions, "utf8").split("\n").filter((line) => line)),
};

// --- the server -----------------------------------------------------------------------------------------------------

const wss = new WebSocketServer({ noServer: true, perMessageDeflate: true, closeTimeout: 1000 });

function serve(ws, incoming) {
  const connection = { authorization: incoming.headers.authorization, extensions: incoming.headers["sec-websocket-extensions"], requests: [] };
  connections.push(connection);
  ws.on("error", () => {});
  ws.on("close", (code) => { connection.closed = code; });
  ws.on("message", (data) => {
    const request = JSON.parse(data.toString());
    connection.requests.push(request);
    const [name, argument] = request.model.split(":");
    if (request.type !== "response.create" || "stream" in request) return ws.send(refusal(400, "bad_message"));
    return scenarios[name](ws, request, argument, connection);
  });
}

const said = (status) => JSON.stringify({ error: { type: "some_error", code: "some_code", message: `refused with ${status}` } });

function refuse(socket, status, chunked) {
  const body = said(status);
  const sent = chunked ? `5\r\n${body.slice(0, 5)}\r\n${(body.length - 5).toString(16)};x=y\r\n${body.slice(5)}\r\n0\r\n\r\n` : body;
  const how = chunked ? "transfer-encoding: chunked" : `content-length: ${body.length}`;
  socket.write(`HTTP/1.1 ${status} No\r\ncontent-type: application/json\r\nRetry-After: 7\r\n${how}\r\n\r\n${sent}`);
}

function answerWrongly(socket, key, what) {
  const accept = createHash("sha1").update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest("base64");
  const extra = { extension: "Sec-WebSocket-Extensions: permessage-deflate\r\n", protocol: "Sec-WebSocket-Protocol: other\r\n" }[what] ?? "";
  const upgrade = what === "upgrade" ? "h2c" : "websocket";
  socket.write(`HTTP/1.1 101 Yes\r\nUpgrade: ${upgrade}\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${what === "accept" ? key : accept}\r\n${extra}\r\n`);
}

function answer(request, reply) {
  reply.setHeader("content-type", "application/json");
  if (request.url === "/stats") return reply.end(JSON.stringify({ connections }));
  if (request.url === "/v1/models") return reply.end(JSON.stringify({ object: "list", data: [{ id: "plain", object: "model" }] }));
  const whole = response("resp_http", { model: "http" }, "completed", "by HTTP");
  return request.on("data", () => {}).on("end", () => reply.end(JSON.stringify(whole)));
}

const [port, certificate, key] = process.argv.slice(2);
const server = certificate ? createSecureServer({ cert: readFileSync(certificate), key: readFileSync(key) }, answer) : createServer(answer);
server.keepAliveTimeout = 0; // a test may rest for longer than node would wait

server.on("upgrade", (incoming, socket, head) => {
  const [, how, what] = incoming.url.split("/");
  socket.on("error", () => {});
  if (how === "silent") return undefined;
  if (how === "refuse" || how === "refuse_chunked") return refuse(socket, what, how === "refuse_chunked");
  if (how === "wrong") return answerWrongly(socket, incoming.headers["sec-websocket-key"], what);
  return wss.handleUpgrade(incoming, socket, head, (ws) => serve(ws, incoming));
});

server.listen(Number(port), "127.0.0.1");
