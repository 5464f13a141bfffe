-- Two tools that count and turn texts round: models see pieces of words, and are bad at both.
local parameters = { type = "object", properties = { text = { type = "string" } }, required = { "text" }, additionalProperties = false }

-- A character of UTF-8: a byte, and those that go on with it.
local CHARACTER = "[%z\1-\127\194-\244][\128-\191]*"

local function count(arguments)
  local characters, words = select(2, arguments.text:gsub(CHARACTER, "")), select(2, arguments.text:gsub("%S+", ""))
  return { characters = characters, words = words }
end

local function reverse(arguments)
  local out = ""
  for character in arguments.text:gmatch(CHARACTER) do out = character .. out end
  return out
end

return {
  { name = "count_text", description = "Counts the characters and words of a text.", parameters = parameters, run = count },
  { name = "reverse_text", description = "Writes a text backwards.", parameters = parameters, run = reverse },
}
