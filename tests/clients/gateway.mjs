// The official clients of Ollama and OpenAI as callers of a gateway: what spec/hosts/nginx_callers_spec.lua runs.
//
// usage: node gateway.mjs ADDRESS MODEL STALLING     the second model begins an answer and never ends it
//
// Writes one JSON object: for each call a field with what came of it.
import { Ollama } from "ollama";
import OpenAI from "openai";

const [address, model, stalling] = process.argv.slice(2);
const ollama = new Ollama({ host: address });
const openai = new OpenAI({ baseURL: address + "/v1", apiKey: "none", maxRetries: 0 });
const messages = [{ role: "user", content: "Quelle est la capitale de la France ?" }];
const out = {};

const status = async (call) => {
  try { await call(); return "no error"; } catch (err) { return err.status ?? err.status_code ?? String(err); }
};

// --- Ollama ---------------------------------------------------------------------------------------------------------

out.ollama_list = (await ollama.list()).models.map((one) => one.model);
out.ollama_show = (await ollama.show({ model })).capabilities;
out.ollama_ps = (await ollama.ps()).models.length;
out.ollama_version = (await ollama.version()).version;
const whole = await ollama.chat({ model, messages });
out.ollama_chat = { text: whole.message.content, reason: whole.done_reason, tokens: whole.eval_count };
out.ollama_stream = "";
for await (const part of await ollama.chat({ model, messages, stream: true })) out.ollama_stream += part.message.content;
out.ollama_embed = (await ollama.embed({ model: "bge-m3", input: ["a", "b"] })).embeddings.length;
out.ollama_pull = (await ollama.pull({ model })).status;
out.ollama_unknown = await status(() => ollama.delete({ model }));
const aborted = await ollama.chat({ model: stalling, messages, stream: true });
try { for await (const _ of aborted) aborted.abort(); out.ollama_abort = "no error"; } catch (err) { out.ollama_abort = err.name; }

// --- OpenAI ---------------------------------------------------------------------------------------------------------

out.openai_list = (await openai.models.list()).data.map((one) => one.id);
out.openai_chat = (await openai.chat.completions.create({ model, messages })).choices[0].message.content;
out.openai_stream = "";
const stream = await openai.chat.completions.create({ model, messages, stream: true, stream_options: { include_usage: true } });
for await (const chunk of stream) {
  out.openai_stream += chunk.choices[0]?.delta?.content ?? "";
  if (chunk.usage) out.openai_usage = chunk.usage.completion_tokens;
}
const response = await openai.responses.create({ model, input: "Bonjour" });
out.openai_response = response.output_text;
out.openai_response_stream = "";
for await (const event of await openai.responses.create({ model, input: "Bonjour", stream: true })) {
  if (event.type === "response.output_text.delta") out.openai_response_stream += event.delta;
}
out.openai_embeddings = (await openai.embeddings.create({ model: "bge-m3", input: "a" })).data[0].embedding.length;
out.openai_bad = await status(() => openai.chat.completions.create({ model, messages: "x" }));
out.openai_missing = await status(() => openai.models.retrieve("nothing/at/all"));

console.log(JSON.stringify(out));
