-- Whether an answer with a good status is an error.
local answer = require "opengatellm.http.answer"
local json = require "opengatellm.json"

local HEAD = { status = 200, headers = { ["x-request-id"] = "r1" } }

local function fault(body, state) return answer.fault(body, json.decode(body), HEAD, state) end

describe("an answer", function()
  it("is an error in whatever form it says so", function()
    for _, case in ipairs { -- body, words, kind, retryable
      { '{"error":{"message":"boom","type":"x"}}', "boom", "provider" }, { '{"error":"boom"}', "boom", "provider" },
      { '{"error":{"message":"boom"},"data":[{"id":"a"}]}', "boom", "provider" }, { '{"error":true,"message":"boom"}', "boom", "provider" },
      { '{"error":{"message":"slow down","type":"rate_limit_error"}}', "slow down", "rate_limit", true },
      { '{"error":{"message":"who","code":"invalid_api_key"}}', "who", "auth" }, { '{"error":{"message":"who","code":401}}', "who", "auth" },
      { '{"error":{"message":"busy","type":"overloaded_error"}}', "busy", "provider", true },
      { '[{"error":{"message":"boom","status":"INTERNAL"}}]', "boom", "provider" }, { '{"type":"error","error":{"message":"boom"}}', "boom", "provider" },
      { '{"object":"error","message":"boom","code":400}', "boom", "provider" }, { '{"detail":"boom"}', "boom", "provider" },
      { '{"detail":[{"loc":["body","x"],"msg":"boom"}]}', "body.x: boom", "provider" }, { '{"message":"boom"}', "boom", "provider" },
      { '{"message":"boom","request_id":"1","id":"2","data":null}', "boom", "provider" }, { '{"code":500,"msg":"boom"}', "boom", "provider" },
      { '{"code":500,"msg":"boom","data":null,"success":false}', "boom", "provider" }, { '{"code":"429","message":"boom","data":[]}', "boom", "rate_limit", true },
      { '{"code":1003,"msg":"boom","data":{}}', "boom", "provider" }, { '{"base_resp":{"status_code":1004,"status_msg":"boom"}}', "boom", "provider" },
      { '{"vectors":null,"base_resp":{"status_code":1004,"status_msg":"boom"}}', "boom", "provider" },
      { '{"data":[1],"base_resp":{"status_code":1004,"status_msg":"boom"}}', "boom", "provider" },
      { '{"success":false,"errors":[{"code":7003,"message":"boom"}],"result":null}', "boom", "provider" },
      { 'data: {"error":{"message":"boom"}}\n\ndata: [DONE]\n\n', "boom", "provider" }, { 'event: error\ndata: {"detail":"boom"}\n\n', "boom", "provider" },
      { 'error: {"message":"boom"}', "boom", "provider" },
    } do
      local err = assert(fault(case[1]), case[1])
      assert.matches(case[2], err.message, 1, true)
      assert.same({ case[3], case[4] or false, case[1], "r1" }, { err.kind, err.retryable, err.body, err.request_id })
      assert.is_nil(err.status)
    end
  end)

  it("is none where it answers", function()
    for _, body in ipairs {
      "{}", "[]", "5", '"x"', "x", '{"error":null}', '{"error":{},"id":"a"}', '{"error":"","data":[]}', '{"error":false}', '{"error":{"code":0,"message":""}}',
      '{"data":[]}', '{"id":"a","message":"b","name":"c"}', '{"base_resp":{"status_code":0,"status_msg":"success"},"data":[]}',
      '{"code":0,"msg":"ok","data":[]}', '{"code":200,"message":"success"}', '{"success":true,"message":"deleted"}', '{"status":"ok","message":"up"}',
      '{"status":"ok"}', '{"id":"a","deleted":true}', '{"status":"failed"}', '[{"id":"a","status":"green"}]', '{"details":{"family":"x"}}',
      'data: {"text":"x"}', "error: it said",
    } do
      assert.is_nil(fault(body), body)
    end
  end)

  it("of a thing that tells how it fares has an error of its own", function()
    for _, body in ipairs {
      '{"id":"b","status":"failed","error":{"message":"x"}}', '{"id":"b","status":"failed","message":"x"}',
    } do
      assert.is_nil(fault(body, "status"), body)
      assert.is_not_nil(fault(body), body)
    end
    assert.is_not_nil(fault('{"error":{"message":"x"}}', "status"))
    assert.is_not_nil(fault('{"status":"error","message":"x"}', "status"))
  end)
end)

describe("a text", function()
  it("is a page where it begins as one", function()
    for _, text in ipairs { "<!DOCTYPE html>", " \n<html>", "<HTML lang='x'>", "<?xml version='1.0'?>", "<!-- x --><p>", "<h1>503</h1>", "\239\187\191<body>" } do
      assert.is_true(answer.is_html(text), text)
    end
    assert.is_true(answer.is_html("gone", { headers = { ["content-type"] = "text/HTML" } }))
    assert.is_false(answer.is_html("gone", { headers = { ["content-type"] = "text/plain" } }))
    assert.is_false(answer.is_html('{"a":1}', { headers = { ["content-type"] = "text/html" } }))
    for _, text in ipairs { "", "x", "<unk> hello", "<v Ada> hello", "<|en|>", "< 5", "a <html>", "<i>la</i>" } do
      assert.is_false(answer.is_html(text), text)
    end
  end)

  it("is JSON where it is an object, a list or a string", function()
    assert.same({ a = 1 }, answer.json ' {"a":1}\n')
    assert.equal("x", answer.json '"x"')
    for _, text in ipairs { "5", "true", "null", "x", '"x" she said', "{a}", "[Music]", "" } do assert.is_nil(answer.json(text)) end
  end)
end)
