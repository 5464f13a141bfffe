-- Errors that come in place of bytes: none of them reaches a file or a function.
local errors = require "opengatellm.errors"
local error_gate = require "opengatellm.http.error_gate"

-- What goes through a gate, in pieces of that size, and the error that ends it.
local function through(kind, expected, body, size)
  local one, out = error_gate.new({ status = 200, headers = { ["content-type"] = kind or nil } }, expected), {}
  for from = 1, #body, size do
    local bytes, err = one:take(body:sub(from, from + size - 1))
    if err then return table.concat(out), err end
    out[#out + 1] = bytes
  end
  local rest, err = one:finish()
  return table.concat(out) .. (rest or ""), err
end

local ERROR = '{"error":{"message":"boom"}}'
local PAGE = "<!DOCTYPE html><title>502 Bad Gateway</title>" .. ("x"):rep(100000)

describe("in place of a medium", function()
  it("an error, JSON, a page and words are refused, whatever the server calls them", function()
    for _, case in ipairs { -- content type, body, kind, words
      { "application/json", ERROR, "provider", "boom" }, { "audio/mpeg", ERROR, "provider", "boom" }, { false, ERROR, "provider", "boom" },
      { "application/octet-stream", " \n" .. ERROR, "provider", "boom" }, { "audio/mpeg", '{"detail":"boom"}', "provider", "boom" },
      { "audio/mpeg", '{"code":500,"msg":"boom"}', "provider", "boom" }, { "audio/mpeg", "[" .. ERROR .. "]", "provider", "boom" },
      { "text/event-stream", "event: error\ndata: " .. ERROR .. "\n\n", "provider", "boom" }, { false, "data: " .. ERROR .. "\n\n", "provider", "boom" },
      { "application/json", '{"audio":"aGk="}', "protocol", "no audio but JSON" }, { "audio/wav", '{"audio":"aGk="}', "protocol", "no audio but JSON" },
      { "audio/wav", '"boom"', "protocol", "no audio but JSON" }, { "text/html", "<p>x", "protocol", "no audio but a page" },
      { "audio/mpeg", PAGE, "protocol", "502 Bad Gateway" }, { false, "<html>x", "protocol", "a page" }, { "text/plain", "quota", "protocol", "text: quota" },
      { "application/json", '{"cut', "protocol", "no audio" }, { "application/problem+json", '{"title":"x"}', "protocol", "no audio" },
    } do
      for _, size in ipairs { 1, 7, 1000000 } do
        local out, err = through(case[1], "audio", case[2], case[2] == PAGE and size == 1 and 4096 or size)
        assert.equal("", out)
        assert.same({ case[3], true }, { assert(err, case[2]).kind, #err.body <= errors.BODY })
        assert.matches(case[4], err.message, 1, true)
      end
    end
  end)

  it("bytes go through as they come", function()
    for _, case in ipairs {
      { "audio/mpeg", "ID3" .. ("x"):rep(100) }, { false, "RIFF1234WAVE" }, { "audio/pcm", "\0\0\1\1" }, { "audio/pcm", "{\1\2\3 no JSON" },
      { "application/octet-stream", "<\1\2" }, { "audio/pcm", "{" .. ("\1"):rep(200000) }, { "audio/pcm", "data" }, { "audio/pcm", "  \0" },
    } do
      for _, size in ipairs { 1, 7, 1000000 } do
        local large = #case[2] > 100000 -- in pieces of KiB, for the gate looks at all that it holds with each
        local out, err = through(case[1], "audio", case[2], large and size * 1024 or size)
        assert.is_nil(err)
        assert.equal(case[2], out)
      end
    end
  end)

  it("nothing is an error", function()
    for _, size in ipairs { 1, 7 } do
      local out, err = through("audio/mpeg", "audio", "", size)
      assert.same({ "", "protocol" }, { out, err.kind })
    end
    assert.is_nil(error_gate.check({ status = 200, headers = {} }, nil, ""))
    assert.equal("protocol", error_gate.check({ status = 200, headers = {} }, "audio", "").kind)
  end)

  it("bytes are held back no longer than it takes to know them", function()
    local one = error_gate.new({ status = 200, headers = {} }, "audio")
    assert.equal("", one:take "\n")
    assert.equal("\nID3", one:take "ID3")
    assert.equal("{", one:take "{")
    assert.is_nil(one:finish())
  end)
end)

describe("in place of a file", function()
  it("an error and nothing else is refused", function()
    for _, kind in ipairs { "application/json", "text/plain", false } do
      local out, err = through(kind, nil, ERROR, 5)
      assert.same({ "", "provider", "boom" }, { out, err.kind, err.message })
    end
  end)

  it("anything else is a file", function()
    for _, case in ipairs {
      { "application/octet-stream", ERROR }, { "application/json", '{"error":{"message":"x"},"mine":1}' }, { "application/json", '{"message":"x"}' },
      { "application/jsonl", '{"id":1,"error":null}\n{"id":2}\n' }, { "text/html", "<html>x" }, { "application/json", "[1]" }, { "text/plain", "data: x" },
      { false, "{" .. ("x"):rep(100000) }, { "text/plain", PAGE },
    } do
      local out, err = through(case[1], nil, case[2], 4096)
      assert.is_nil(err)
      assert.equal(case[2], out)
    end
  end)
end)
