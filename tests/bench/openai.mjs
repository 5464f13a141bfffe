// The same stream through the official npm client.
// usage: node openai.mjs BASE_URL CHUNKS      prints million events a second
import OpenAI from "openai";

const [base, n] = process.argv.slice(2);
const client = new OpenAI({ baseURL: `${base}/chunks/${n}/v1`, apiKey: "k" });

async function run() {
  const start = process.hrtime.bigint();
  const stream = await client.chat.completions.create({ model: "m", stream: true, messages: [{ role: "user", content: "hi" }] });
  let count = 0, size = 0;
  for await (const chunk of stream) {
    const text = chunk.choices[0]?.delta?.content;
    if (text) { count += 1; size += text.length; }
  }
  if (count !== Number(n)) throw new Error(`${count} events of ${n}`);
  return count / (Number(process.hrtime.bigint() - start) / 1e9) / 1e6;
}

await run();
const rates = [await run(), await run(), await run()].sort((a, b) => a - b);
console.log(rates[1].toFixed(3));
