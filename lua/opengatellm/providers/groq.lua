-- Groq.
-- Source: console.groq.com/docs/openai (address, variable, what gives 400; `n` has to be 1, which the server says itself).
return {
  name = "groq",
  protocol = "openai_chat",
  base_url = "https://api.groq.com/openai/v1",
  key_env = { "GROQ_API_KEY" },
  auth = "bearer",
  version = "v1",
  no_message_names = true,
  no_refusal = true,
  drop = { "logprobs", "top_logprobs", "logit_bias" },
}
