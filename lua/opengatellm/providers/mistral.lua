-- Mistral AI. Its API refuses every field that it does not know (422 extra_forbidden), and sends the usage of streams unasked.
-- Sources: mistralai/client-python docs/models/{chatcompletionrequest,toolchoiceenum}.md (fields, words); names of messages and
-- max_completion_tokens are refused: Gage-Technologies/mistral-go#2, editor-code-assistant/eca#231; streams without stream_options:
-- vercel/ai packages/mistral/src/mistral-chat-language-model.ts.
return {
  name = "mistral",
  protocol = "openai_chat",
  base_url = "https://api.mistral.ai/v1",
  key_env = { "MISTRAL_API_KEY" },
  auth = "bearer",
  version = "v1",
  no_stream_options = true,
  no_message_names = true,
  no_refusal = true,
  no_empty_answers = true,
  drop = { "logprobs", "top_logprobs", "logit_bias", "top_k", "user", "store", "service_tier" },
  rename = { seed = "random_seed" },
  tool_choice = { required = "any" },
}
