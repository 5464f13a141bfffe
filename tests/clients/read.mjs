// Reads every scripted turn of tests/server/encoded.lua with the official client of each protocol, streamed and whole.
//
// usage: node read.mjs BASE_URL
//
// Prints a JSON line a reading: {client, version, protocol, turn, streamed, text, reasoning, refusal, signature, tools, finish, usage, error,
// complaints}, and {protocol, skipped: true} for a protocol that the server has no encoder for. `finish` is the protocol's own word, `usage`
// has the names input, cached, output and reasoning. Complaints are what the client wrote to the console, and where its pieces (deltas,
// events of blocks) say something else than its own whole.
import { readFileSync } from "node:fs";
import Anthropic from "@anthropic-ai/sdk";
import { GoogleGenAI } from "@google/genai";
import { Ollama } from "ollama";
import OpenAI from "openai";

const base = process.argv[2];
const QUESTION = "Quel temps fait-il ?";
const MESSAGES = [{ role: "user", content: QUESTION }];

// --- what a client says beside its answer ---------------------------------------------------------------------------

let complaints = [];
for (const name of ["warn", "error", "log", "info", "debug"]) {
  const say = console[name];
  console[name] = (...words) => (name === "log" && words[0]?.line ? say(words[0].line) : complaints.push(`${name}: ${words.join(" ")}`));
}
const print = (value) => console.log({ line: JSON.stringify(value) });

// Two accounts of the same thing have to agree.
function agree(what, pieces, whole) {
  if (JSON.stringify(pieces) !== JSON.stringify(whole)) complaints.push(`${what}: ${JSON.stringify(pieces)} in pieces, ${JSON.stringify(whole)} at the end`);
}

// --- openai: Chat Completions ---------------------------------------------------------------------------------------

const openai = new OpenAI({ baseURL: `${base}/v1`, apiKey: "k", maxRetries: 0 });

function chatReply(completion, reasoning) {
  const { message, finish_reason: finish } = completion.choices[0];
  const usage = completion.usage;
  return {
    text: message.content, refusal: message.refusal, reasoning: reasoning ?? message.reasoning_content, finish,
    tools: message.tool_calls?.map((call) => ({ id: call.id, name: call.function.name, arguments: call.function.arguments })),
    usage: usage && {
      input: usage.prompt_tokens, cached: usage.prompt_tokens_details?.cached_tokens,
      output: usage.completion_tokens, reasoning: usage.completion_tokens_details?.reasoning_tokens,
    },
  };
}

const chat = {
  client: "openai", protocol: "openai_chat",
  async whole(turn) {
    return chatReply(await openai.chat.completions.create({ model: turn, messages: MESSAGES }));
  },
  async stream(turn, seen) {
    const stream = openai.chat.completions.stream({ model: turn, messages: MESSAGES, stream_options: { include_usage: true } });
    const calls = [];
    let reasoning = "";
    stream.on("content", (delta) => { seen.text = (seen.text ?? "") + delta; });
    stream.on("chunk", (chunk) => { reasoning += chunk.choices[0]?.delta?.reasoning_content ?? ""; });
    stream.on("tool_calls.function.arguments.done", (call) => calls.push([call.name, call.arguments]));
    const reply = chatReply(await stream.finalChatCompletion(), reasoning);
    agree("content", seen.text ?? null, reply.text);
    agree("tool calls", calls, (reply.tools ?? []).map((call) => [call.name, call.arguments]));
    return reply;
  },
};

// --- openai: Responses ----------------------------------------------------------------------------------------------

const parts = (items, kind, list, part) => items.filter((item) => item.type === kind).flatMap((item) => item[list] ?? []).filter((p) => p.type === part);
const joined = (list, field = "text") => list.map((part) => part[field]).join("");

function responsesReply(response) {
  const usage = response.usage;
  return {
    text: response.output_text, refusal: joined(parts(response.output, "message", "content", "refusal"), "refusal"),
    reasoning: joined(parts(response.output, "reasoning", "summary", "summary_text")) || joined(parts(response.output, "reasoning", "content", "reasoning_text")),
    tools: response.output.filter((item) => item.type === "function_call").map((item) => ({ id: item.call_id, name: item.name, arguments: item.arguments })),
    finish: response.incomplete_details?.reason ?? response.status,
    usage: usage && {
      input: usage.input_tokens, cached: usage.input_tokens_details?.cached_tokens,
      output: usage.output_tokens, reasoning: usage.output_tokens_details?.reasoning_tokens,
    },
    error: response.error && { message: response.error.message, type: response.error.code },
  };
}

const responses = {
  client: "openai", protocol: "openai_responses",
  async whole(turn) {
    return responsesReply(await openai.responses.create({ model: turn, input: QUESTION }));
  },
  async stream(turn, seen) {
    const stream = openai.responses.stream({ model: turn, input: QUESTION });
    const calls = [];
    stream.on("response.output_text.delta", (event) => { seen.text = (seen.text ?? "") + event.delta; });
    stream.on("response.function_call_arguments.done", (event) => calls.push(event.arguments));
    stream.on("response.failed", (event) => { seen.error = { message: event.response.error?.message, type: event.response.error?.code }; });
    stream.on("error", (event) => { if (event.type === "error") seen.error ??= { message: event.message, type: event.code }; });
    const reply = responsesReply(await stream.finalResponse());
    agree("output_text", seen.text ?? "", reply.text);
    agree("arguments", calls, reply.tools.map((call) => call.arguments));
    return reply;
  },
};

// --- @anthropic-ai/sdk ----------------------------------------------------------------------------------------------

const anthropicClient = new Anthropic({ baseURL: base, apiKey: "k", maxRetries: 0 });
const messageRequest = (turn) => ({ model: turn, max_tokens: 1000, messages: MESSAGES });

function messageReply(message) {
  const blocks = (type) => message.content.filter((block) => block.type === type);
  const { usage } = message;
  return {
    text: joined(blocks("text")), reasoning: joined(blocks("thinking"), "thinking"), signature: joined(blocks("thinking"), "signature"),
    tools: blocks("tool_use").map((block) => ({ id: block.id, name: block.name, arguments: block.input })), finish: message.stop_reason,
    usage: {
      input: usage.input_tokens + (usage.cache_read_input_tokens ?? 0) + (usage.cache_creation_input_tokens ?? 0),
      cached: usage.cache_read_input_tokens, output: usage.output_tokens, reasoning: usage.output_tokens_details?.thinking_tokens,
    },
  };
}

const anthropic = {
  client: "@anthropic-ai/sdk", protocol: "anthropic",
  async whole(turn) {
    return messageReply(await anthropicClient.messages.create(messageRequest(turn)));
  },
  async stream(turn, seen) {
    const stream = anthropicClient.messages.stream(messageRequest(turn));
    const blocks = [];
    stream.on("text", (delta) => { seen.text = (seen.text ?? "") + delta; });
    stream.on("contentBlock", (block) => blocks.push(structuredClone(block)));
    const message = await stream.finalMessage();
    const reply = messageReply(message);
    agree("text", seen.text ?? "", reply.text);
    agree("blocks", blocks, message.content);
    return reply;
  },
};

// --- @google/genai --------------------------------------------------------------------------------------------------

const google = new GoogleGenAI({ apiKey: "k", httpOptions: { baseUrl: base, retryOptions: { attempts: 1 } } });

function addChunk(reply, chunk) {
  for (const part of chunk.candidates?.[0]?.content?.parts ?? []) {
    if (part.functionCall) (reply.tools ??= []).push({ id: part.functionCall.id, name: part.functionCall.name, arguments: part.functionCall.args ?? {} });
    else if (part.thought) reply.reasoning = (reply.reasoning ?? "") + part.text;
    else reply.text = (reply.text ?? "") + (part.text ?? "");
    if (part.thoughtSignature) reply.signature = (reply.signature ?? "") + part.thoughtSignature;
  }
  reply.finish = chunk.candidates?.[0]?.finishReason ?? chunk.promptFeedback?.blockReason ?? reply.finish;
  const usage = chunk.usageMetadata;
  if (usage) {
    reply.usage = {
      input: (usage.promptTokenCount ?? 0) + (usage.toolUsePromptTokenCount ?? 0), cached: usage.cachedContentTokenCount,
      output: (usage.candidatesTokenCount ?? 0) + (usage.thoughtsTokenCount ?? 0), reasoning: usage.thoughtsTokenCount,
    };
  }
  return reply;
}

const gemini = {
  client: "@google/genai", protocol: "gemini",
  async whole(turn) {
    return addChunk({}, await google.models.generateContent({ model: turn, contents: QUESTION }));
  },
  async stream(turn, seen) {
    for await (const chunk of await google.models.generateContentStream({ model: turn, contents: QUESTION })) addChunk(seen, chunk);
    return seen;
  },
};

// --- ollama ---------------------------------------------------------------------------------------------------------

const ollamaClient = new Ollama({ host: base });

function addLine(reply, line) {
  const { message } = line;
  reply.text = (reply.text ?? "") + message.content;
  if (message.thinking) reply.reasoning = (reply.reasoning ?? "") + message.thinking;
  for (const call of message.tool_calls ?? []) (reply.tools ??= []).push({ id: call.id, name: call.function.name, arguments: call.function.arguments });
  if (!(line.created_at instanceof Date) && Number.isNaN(Date.parse(line.created_at))) complaints.push(`created_at: ${line.created_at}`);
  if (line.done) {
    reply.finish = line.done_reason;
    reply.usage = { input: line.prompt_eval_count, output: line.eval_count };
  }
  return reply;
}

const ollama = {
  client: "ollama", protocol: "ollama",
  async whole(turn) {
    return addLine({}, await ollamaClient.chat({ model: turn, messages: MESSAGES, stream: false }));
  },
  async stream(turn, seen) {
    for await (const line of await ollamaClient.chat({ model: turn, messages: MESSAGES, stream: true })) addLine(seen, line);
    return seen;
  },
};

// --- all of them ----------------------------------------------------------------------------------------------------

// Each client has its own idea of where an error's words are: in a parsed body, in its message, or as JSON inside its message.
function errorOf(e) {
  let body = e.error ?? e.message;
  const json = typeof body === "string" ? body.indexOf('{"error"') : -1;
  if (json >= 0) body = JSON.parse(body.slice(json));
  while (body?.error) body = body.error;
  const words = typeof body === "string" ? { message: body } : { message: body.message, type: body.type ?? body.status };
  return { ...words, status: e.status ?? e.status_code, class: e.constructor.name };
}

function version(client) {
  return JSON.parse(readFileSync(new URL(`./node_modules/${client}/package.json`, import.meta.url))).version;
}

async function reading(reader, turn, streamed) {
  const seen = {}; // what came before an error
  let reply;
  complaints = [];
  try {
    reply = await (streamed ? reader.stream(turn, seen) : reader.whole(turn, seen));
  } catch (e) {
    reply = { ...seen, error: { ...errorOf(e), ...seen.error } };
  }
  return { client: reader.client, version: version(reader.client), protocol: reader.protocol, turn, streamed, ...reply, complaints };
}

const turns = await (await fetch(`${base}/turns`)).json();
for (const reader of [chat, responses, anthropic, gemini, ollama]) {
  for (const turn of turns) {
    print(await reading(reader, turn, false));
    print(await reading(reader, turn, true));
  }
}
