-- Cloudflare Workers AI: the account is part of the address.
-- Source: developers.cloudflare.com/workers-ai/configuration/open-ai-compatibility.
return {
  name = "cloudflare_workers_ai",
  protocol = "openai_chat",
  base_url = "https://api.cloudflare.com/client/v4/accounts/{account}/ai/v1",
  key_env = { "CLOUDFLARE_API_TOKEN", "CLOUDFLARE_API_KEY" },
  settings = { account = { "CLOUDFLARE_ACCOUNT_ID" } },
  auth = "bearer",
  version = "v1",
}
