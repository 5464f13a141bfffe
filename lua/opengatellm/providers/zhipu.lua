-- Zhipu AI (Z.ai, GLM); in China the address is https://open.bigmodel.cn/api/paas/v4.
-- Source: zai-org/z-ai-sdk-python src/zai/_client.py (addresses, variables).
return {
  name = "zhipu",
  protocol = "openai_chat",
  base_url = "https://api.z.ai/api/paas/v4",
  url_env = { "ZAI_BASE_URL" },
  key_env = { "ZAI_API_KEY" },
  auth = "bearer",
}
