-- Moonshot AI (Kimi); in China the address is https://api.moonshot.cn/v1.
-- Sources: platform.kimi.ai/docs/guide/migrating-from-openai-to-kimi (address, tool_choice); thoughts of tool calls have to come back:
-- librechat.ai, "Moonshot"; anomalyco/opencode#25758.
return {
  name = "moonshot",
  protocol = "openai_chat",
  base_url = "https://api.moonshot.ai/v1",
  key_env = { "MOONSHOT_API_KEY" },
  auth = "bearer",
  version = "v1",
  tool_choice = { required = false },
  echo_reasoning = "reasoning_content",
}
