-- What a recorded server said goes back to it unchanged: every whole answer of the reference material, decoded to a reply and
-- encoded as a message again. What the encoders leave out on purpose is taken out of the recording too.
local core = require "opengatellm.core"
local helper = require "spec.helper"
local json = require "opengatellm.json"
local ogl = require "opengatellm"

local said, sent = {}, {}

-- Empty texts are refused, and a thought without a signature is none; a call's caller is the model where nothing else is said.
function said.anthropic(body)
  local out = {}
  for _, block in ipairs(body.content) do
    if block.citations == json.null then block.citations = nil end
    if block.type == "tool_use" and block.caller and block.caller.type == "direct" then block.caller = nil end
    if block.text ~= "" and not (block.type == "thinking" and (block.signature or "") == "") then out[#out + 1] = block end
  end
  return out
end

function sent.anthropic(body)
  local content = body.messages[2] and body.messages[2].content or {}
  if type(content) == "string" then return { { type = "text", text = content } } end
  for _, block in ipairs(content) do
    if block.type == "tool_use" and block.caller and block.caller.type == "direct" then block.caller = nil end
  end
  return content
end

-- Texts without a signature are one; empty parts are none, and neither is a thought that is not signed.
function said.gemini(body)
  local out = {}
  local candidate = body.candidates[1]
  for _, part in ipairs(candidate and candidate.content and candidate.content.parts or {}) do
    local last, plain = out[#out], part.text and not part.thoughtSignature
    if part.functionCall then part.functionCall.args = part.functionCall.args or {} end
    local nothing = next(part) == nil or plain and (part.thought or part.text == "")
    if plain and not nothing and last and last.text and not last.thoughtSignature then last.text = last.text .. part.text
    elseif not nothing then out[#out + 1] = part end
  end
  return out
end

function sent.gemini(body) return body.contents[2] and body.contents[2].parts or {} end

-- A message that goes back, as JSON reads it.
local function echo(protocol, text)
  local decoder = core.decoder(protocol, "application/json")
  decoder:feed(text)
  decoder:finish()
  decoder:skip()
  local reply = decoder:reply()
  reply.protocol = protocol
  local wire = require("opengatellm.protocol." .. protocol).encode_request({ messages = { ogl.user "x", reply } }, {}, false, "m")
  return sent[protocol](json.decode(json.encode(wire.body)))
end

describe("a recorded answer", function()
  local path = helper.shared "fixtures/expected.jsonl"
  for protocol in pairs(said) do
    it("of " .. protocol .. " goes back as it came", function()
      if not path then return pending "the reference material is not here (OGL_SHARED)" end
      local n = 0
      for line in io.lines(path) do
        local row = json.decode(line)
        local text = row.protocol == protocol and row.status < 400 and helper.read(path:gsub("[^/]+$", "") .. row.body)
        local body = text and json.decode(text)
        if type(body) == "table" and (body.content or body.candidates) then
          n = n + 1
          assert.same(said[protocol](body), echo(protocol, text), row.id)
        end
      end
      assert.is_true(n > 50)
    end)
  end
end)
