// Clients and frameworks as callers of a gateway: what spec/hosts/nginx_callers_spec.lua runs. Each is asked the same, in its own words, and
// what it read has one form: { text, thought, calls: [[name, arguments], …], finish, error: {status, name, said} }.
//
// usage: node callers.mjs ADDRESS MODEL…      MODEL: one more whose answer all of them read, whole and streamed
//
// Writes one JSON object: `read`, for each caller and case what came of it, and `vectors`, the lengths of two embeddings.
import { ChatOllama, OllamaEmbeddings } from "@langchain/ollama";
import { AIMessage, HumanMessage, ToolMessage } from "@langchain/core/messages";
import { embedMany, generateText, jsonSchema, Output, streamText, tool } from "ai";
import { createOllama } from "ai-sdk-ollama";
import { createOllama as createOllamaV2 } from "ollama-ai-provider-v2";
import { Ollama } from "ollama";
import OpenAI from "openai";

const [address, ...models] = process.argv.slice(2);
const QUESTION = "Quelle est la capitale de la France ?";
const PIXEL = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==";
const WEATHER = { type: "object", properties: { city: { type: "string" } }, required: ["city"], additionalProperties: false };
const PLACE = { type: "object", properties: { pays: { type: "string" }, capitale: { type: "string" } }, required: ["pays", "capitale"], additionalProperties: false };
const DESCRIPTION = "The weather in a town.";
const USER = [{ role: "user", content: QUESTION }];
const RESULT = "21 °C"; // of a call of the weather, which goes back
globalThis.AI_SDK_LOG_WARNINGS = false;

// --- the callers: each asks a model, and yields what it reads as it comes --------------------------------------------

// asked: { model, image, tools, result, schema, think, stream, signal }; yields { text }, { thought }, { call: [name, arguments] }, { finish }
const callers = {
  async *ollama({ model, image, tools, result, schema, think, stream, signal }) {
    const client = new Ollama({ host: address });
    const called = { role: "assistant", content: "", tool_calls: [{ function: { name: "weather", arguments: { city: "Sète" } } }] };
    const turn = result ? [called, { role: "tool", content: RESULT, tool_name: "weather" }] : [];
    const asked = {
      model, stream, messages: [{ ...USER[0], images: image && [PIXEL] }, ...turn], think, format: schema && PLACE,
      tools: tools && [{ type: "function", function: { name: "weather", description: DESCRIPTION, parameters: WEATHER } }],
    };
    signal?.addEventListener("abort", () => client.abort());
    const answer = await client.chat(asked);
    for await (const { message } of stream ? answer : [answer]) {
      yield { text: message.content, thought: message.thinking };
      for (const call of message.tool_calls ?? []) yield { call: [call.function.name, call.function.arguments] };
    }
  },

  async *openai_chat({ model, image, tools, result, schema, think, stream, signal }) {
    const called = { role: "assistant", content: null, tool_calls: [{ id: "call_1", type: "function", function: { name: "weather", arguments: '{"city":"Sète"}' } }] };
    const turn = result ? [called, { role: "tool", tool_call_id: "call_1", content: RESULT }] : [];
    const asked = {
      model, stream, reasoning_effort: think && "low",
      messages: image ? [{ role: "user", content: [{ type: "text", text: QUESTION }, { type: "image_url", image_url: { url: `data:image/png;base64,${PIXEL}` } }] }] : [...USER, ...turn],
      tools: tools && [{ type: "function", function: { name: "weather", description: DESCRIPTION, parameters: WEATHER } }], tool_choice: tools && "auto",
      response_format: schema && { type: "json_schema", json_schema: { name: "place", strict: true, schema: PLACE } },
    };
    if (!stream) {
      const { message } = (await openai.chat.completions.create(asked, { signal })).choices[0];
      yield { text: message.content, thought: thought_of(message) };
      for (const call of message.tool_calls ?? []) yield { call: [call.function.name, JSON.parse(call.function.arguments)] };
      return;
    }
    const calls = [];
    for await (const { choices: [choice] } of await openai.chat.completions.create(asked, { signal })) {
      yield { text: choice?.delta.content, thought: thought_of(choice?.delta), finish: choice?.finish_reason };
      for (const part of choice?.delta.tool_calls ?? []) {
        calls[part.index] ??= { name: part.function.name, json: "" };
        calls[part.index].json += part.function.arguments ?? "";
      }
    }
    signal?.throwIfAborted(); // this client ends in silence
    for (const call of calls) yield { call: [call.name, JSON.parse(call.json)] };
  },

  async *openai_responses({ model, image, tools, result, schema, think, stream, signal }) {
    const called = { type: "function_call", call_id: "call_1", name: "weather", arguments: '{"city":"Sète"}' };
    const turn = result ? [called, { type: "function_call_output", call_id: "call_1", output: RESULT }] : [];
    const asked = {
      model, stream, reasoning: think && { effort: "low", summary: "auto" },
      input: image ? [{ role: "user", content: [{ type: "input_text", text: QUESTION }, { type: "input_image", image_url: `data:image/png;base64,${PIXEL}` }] }] : [...USER, ...turn],
      tools: tools && [{ type: "function", name: "weather", description: DESCRIPTION, parameters: WEATHER, strict: true }],
      text: schema && { format: { type: "json_schema", name: "place", strict: true, schema: PLACE } },
    };
    const answer = await openai.responses.create(asked, { signal });
    let response = answer;
    if (stream) {
      for await (const event of answer) {
        if (event.type === "response.output_text.delta") yield { text: event.delta };
        if (event.type === "response.reasoning_summary_text.delta") yield { thought: event.delta };
        if (event.type === "error" || event.type === "response.failed") throw new Error(event.message ?? event.response.error.message);
        response = event.response;
      }
      signal?.throwIfAborted();
    } else {
      yield { text: response.output_text };
    }
    for (const item of response.output) {
      if (item.type === "reasoning" && !stream) yield { thought: item.summary.map((part) => part.text).join("") };
      if (item.type === "function_call") yield { call: [item.name, JSON.parse(item.arguments)] };
    }
  },

  async *langchain({ model, image, tools, result, schema, think, stream, signal }) {
    const plain = new ChatOllama({ baseUrl: address, model, think, maxRetries: 0, streaming: stream });
    let llm = plain;
    if (tools) llm = plain.bindTools([{ type: "function", function: { name: "weather", description: DESCRIPTION, parameters: WEATHER } }]);
    if (schema) llm = plain.withStructuredOutput(PLACE, { method: "jsonSchema" });
    const content = image ? [{ type: "text", text: QUESTION }, { type: "image_url", image_url: `data:image/png;base64,${PIXEL}` }] : QUESTION;
    const called = new AIMessage({ content: "", tool_calls: [{ id: "call_1", name: "weather", args: { city: "Sète" } }] });
    const turn = result ? [called, new ToolMessage({ tool_call_id: "call_1", name: "weather", content: RESULT })] : [];
    const messages = [new HumanMessage({ content }), ...turn];
    if (schema) return yield { text: JSON.stringify(await llm.invoke(messages)) };
    for await (const part of stream ? await llm.stream(messages, { signal }) : [await llm.invoke(messages, { signal })]) {
      yield { text: part.content, thought: part.additional_kwargs.reasoning_content };
      for (const call of part.tool_calls ?? []) yield { call: [call.name, call.args] };
    }
  },

  ai_sdk_ollama: (asked) => sdk(createOllama({ baseURL: address })(asked.model, { think: asked.think, reliableToolCalling: false }), asked, {}),

  ollama_ai_provider_v2: (asked) => sdk(createOllamaV2({ baseURL: address + "/api" })(asked.model), asked, { ollama: { think: asked.think === true } }),
};

// Servers of Chat Completions have two words for it.
const thought_of = (message) => message?.reasoning_content ?? message?.reasoning;

const openai = new OpenAI({ baseURL: address + "/v1", apiKey: "none", maxRetries: 0 });

// Vercel's AI SDK, whichever provider it has.
async function* sdk(model, { image, tools, result, schema, stream, signal }, providerOptions) {
  const content = image ? [{ type: "text", text: QUESTION }, { type: "image", image: PIXEL, mediaType: "image/png" }] : QUESTION;
  const called = { role: "assistant", content: [{ type: "tool-call", toolCallId: "call_1", toolName: "weather", input: { city: "Sète" } }] };
  const output = { type: "text", value: RESULT };
  const turn = result ? [called, { role: "tool", content: [{ type: "tool-result", toolCallId: "call_1", toolName: "weather", output }] }] : [];
  const asked = {
    model, maxRetries: 0, abortSignal: signal, providerOptions, messages: [{ role: "user", content }, ...turn],
    tools: tools && { weather: tool({ description: DESCRIPTION, inputSchema: jsonSchema(WEATHER) }) },
    output: schema && Output.object({ schema: jsonSchema(PLACE) }),
  };
  if (!stream) {
    const answer = await generateText(asked);
    yield { text: answer.text, thought: answer.reasoningText };
    for (const call of answer.toolCalls) yield { call: [call.toolName, call.input] };
    return;
  }
  for await (const part of streamText({ ...asked, onError: () => {} }).fullStream) {
    if (part.type === "text-delta") yield { text: part.text };
    if (part.type === "reasoning-delta") yield { thought: part.text };
    if (part.type === "tool-call") yield { call: [part.toolName, part.input] };
    if (part.type === "finish") yield { finish: part.finishReason };
    if (part.type === "error") throw part.error;
    if (part.type === "abort") throw new DOMException("aborted", "AbortError");
  }
}

// --- the cases --------------------------------------------------------------------------------------------------------

const status_of = (err) => err.status ?? err.status_code ?? err.statusCode ?? err.cause?.statusCode ?? err.lastError?.statusCode ?? null;

// Everything that a caller reads, joined; `seen` is told after each piece.
async function read(caller, asked, seen = () => {}) {
  const out = { text: "", thought: "", calls: [] };
  try {
    for await (const { text, thought, call, finish } of callers[caller](asked)) {
      out.text += text ?? "";
      out.thought += thought ?? "";
      out.finish = finish ?? out.finish;
      if (call) out.calls.push(call);
      seen(out);
    }
  } catch (err) {
    out.error = { status: status_of(err), name: err.name, said: String(err.message ?? err) };
  }
  return out;
}

// Goes away when the first words have come.
async function cancel(caller) {
  const controller = new AbortController();
  return await read(caller, { model: "made/stall_mid_stream:3", stream: true, signal: controller.signal }, (out) => {
    if (out.text) controller.abort();
  });
}

const model = "gpt-oss-120b";

async function cases(caller) {
  const out = {};
  for (const stream of [false, true]) {
    const how = stream ? "_stream" : "";
    out["plain" + how] = await read(caller, { model, stream });
    out["tools" + how] = await read(caller, { model, stream, tools: true });
    out["result" + how] = await read(caller, { model, stream, tools: true, result: true });
    out["structured" + how] = await read(caller, { model, stream, schema: true });
    out["image" + how] = await read(caller, { model: "mirror", stream, image: true });
    out["thinking" + how] = await read(caller, { model, stream, think: true });
    out["unknown" + how] = await read(caller, { model: "nowhere", stream });
    out["busy" + how] = await read(caller, { model: "made/status:503", stream });
    for (const each of models) out[each + how] = await read(caller, { model: each, stream });
  }
  out.broken = await read(caller, { model: "made/close_mid_stream:3", stream: true });
  out.cancelled = await cancel(caller);
  return out;
}

const embedders = {
  langchain: async (texts) => await new OllamaEmbeddings({ baseUrl: address, model: "bge-m3", maxRetries: 0 }).embedDocuments(texts),
  ai_sdk_ollama: async (texts) => (await embedMany({ model: createOllama({ baseURL: address }).embedding("bge-m3"), values: texts })).embeddings,
  ollama_ai_provider_v2: async (texts) => (await embedMany({ model: createOllamaV2({ baseURL: address + "/api" }).embedding("bge-m3"), values: texts })).embeddings,
};

const found = { read: {}, vectors: {} };
await Promise.all(Object.keys(callers).map(async (caller) => { found.read[caller] = await cases(caller); }));
for (const [name, embed] of Object.entries(embedders)) found.vectors[name] = (await embed(["a", "b"])).map((vector) => vector.length);
process.stdout.write(JSON.stringify(found), () => process.exit(0)); // a stream that was cancelled may keep its connection open
