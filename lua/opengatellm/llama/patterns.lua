--- Patterns: the ways in which the families of models write a conversation, for a model whose own template is missing or fails.
--
-- Each is a template of its own, without tools and thoughts. The facts are those of the models' cards, and of llama.cpp.
--
-- @module opengatellm.llama.patterns
local M = {}

local PROMPT = "{%% if add_generation_prompt %%}%s{%% endif %%}"

-- A pattern whose messages all look the same but for their role.
local function uniform(message, prompt)
  return "{{ bos_token }}{% for m in messages %}" .. message .. "{% endfor %}" .. PROMPT:format(prompt)
end

-- A pattern in which the system message is the beginning of the user's: [INST] … [/INST] answer.
local function instructions(system, user, assistant)
  return "{{ bos_token }}{% set ns = namespace(system='') %}{% for m in messages %}{% if m.role == 'system' %}{% set ns.system %}"
    .. system .. "{% endset %}{% elif m.role == 'assistant' %}" .. assistant .. "{% else %}" .. user
    .. "{% set ns.system = '' %}{% endif %}{% endfor %}"
end

-- A pattern, and what a template of its family says; the first that fits is taken.
local PATTERNS = {
  { "chatml", "<|im_start|>", uniform(
    "{{ '<|im_start|>' + m.role + '\n' + m.content + '<|im_end|>\n' }}", "{{ '<|im_start|>assistant\n' }}") },
  { "llama3", "<|start_header_id|>", uniform(
    "{{ '<|start_header_id|>' + m.role + '<|end_header_id|>\n\n' + m.content + '<|eot_id|>' }}",
    "{{ '<|start_header_id|>assistant<|end_header_id|>\n\n' }}") },
  { "gemma", "<start_of_turn>", uniform(
    "{{ '<start_of_turn>' + ('model' if m.role == 'assistant' else 'user') + '\n' + m.content|trim + '<end_of_turn>\n' }}",
    "{{ '<start_of_turn>model\n' }}") },
  { "deepseek", "<｜Assistant｜>", instructions(
    "{{ m.content + '\n\n' }}", "{{ ns.system + '<｜User｜>' + m.content }}", "{{ '<｜Assistant｜>' + m.content + '<｜end▁of▁sentence｜>' }}")
    .. PROMPT:format "{{ '<｜Assistant｜>' }}" },
  { "phi3", "<|assistant|>", uniform("{{ '<|' + m.role + '|>\n' + m.content + '<|end|>\n' }}", "{{ '<|assistant|>\n' }}") },
  { "llama2", "<<SYS>>", instructions(
    "{{ '<<SYS>>\n' + m.content + '\n<</SYS>>\n\n' }}", "{{ '[INST] ' + ns.system + m.content + ' [/INST]' }}",
    "{{ ' ' + m.content + ' ' + eos_token }}") },
  { "mistral", "[INST]", instructions(
    "{{ m.content + '\n\n' }}", "{{ '[INST]' + ns.system + m.content + '[/INST]' }}", "{{ m.content + eos_token }}") },
}

--- Finds the pattern of a model.
---@param source? string the model's own template, which may say what its family is
---@return string source of a template
---@return string name the family; "chatml" where nothing is known
function M.of(source)
  for _, row in ipairs(PATTERNS) do
    if source and source:find(row[2], 1, true) then return row[3], row[1] end
  end
  return PATTERNS[1][3], PATTERNS[1][1]
end

return M
