-- Amazon Bedrock, by the routes that speak Chat Completions, with a Bedrock API key.
-- Source: docs.aws.amazon.com/bedrock, "Chat Completions API"; openai-node, bedrock.md (variables, addresses by region).
return {
  name = "bedrock",
  protocol = "openai_chat",
  base_url = "https://bedrock-runtime.{region}.amazonaws.com/openai/v1",
  url_env = { "AWS_BEDROCK_BASE_URL" },
  key_env = { "AWS_BEARER_TOKEN_BEDROCK" },
  settings = { region = { "AWS_REGION", "AWS_DEFAULT_REGION" } },
  auth = "bearer",
  version = "v1",
}
