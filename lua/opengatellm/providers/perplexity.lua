-- Perplexity. Its Agent API speaks Responses; the older Sonar chat completions ended on 2026-09-27.
-- Sources: docs.perplexity.ai/docs/agent-api/migrate-from-sonar; the end and /v1/responses: vercel/ai @ai-sdk/perplexity 5.0.0,
-- danielmiessler/Fabric v1.4.528.
return {
  name = "perplexity",
  protocol = "openai_responses",
  base_url = "https://api.perplexity.ai/v1",
  key_env = { "PERPLEXITY_API_KEY" },
  auth = "bearer",
  version = "v1",
}
