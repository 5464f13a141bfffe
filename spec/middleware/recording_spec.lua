-- Recordings of answers: copies, who answered, and warnings that no event brought.
local json = require "opengatellm.json"
local recording = require "opengatellm.middleware.recording"

describe("a recording", function()
  it("copies an event with all that is in it", function()
    local list = json.array {}
    local event = { type = "usage", usage = { input_tokens = 1, details = { a = 1 } }, list = list }
    local copy = recording.copy(event)
    assert.same(event, copy)
    event.usage.details.a = 2
    assert.equal(1, copy.usage.details.a)
    assert.equal(list, copy.list)
  end)

  it("says who answered a reply", function()
    local about = recording.about { protocol = "ollama", provider = "p", status = 200, headers = {}, request_id = "r", text = "x" }
    assert.same({ protocol = "ollama", provider = "p", status = 200, headers = {}, request_id = "r" }, about)
  end)

  it("puts what came behind an error into another one", function()
    local add = recording.late { partial = { finish_reason = "error", usage = { input_tokens = 3 } }, usage = { total_tokens = 4 } }
    local other = { partial = { text = "x" }, usage = { estimated = true } }
    add(other)
    assert.same({ partial = { text = "x", finish_reason = "error", usage = { input_tokens = 3 } }, usage = { total_tokens = 4 } }, other)
  end)

  it("tells the warnings of the request from those of events, and from those of the output", function()
    local dropped, seen = { code = "dropped", field = "top_k", message = "a" }, { code = "syntax", message = "b" }
    local recovered = { code = "output_recovered", field = "output", message = "c" }
    local events = { { type = "text", text = "x" }, { type = "warning", code = "syntax", message = "b" } }
    assert.same({ dropped }, recording.warnings({ warnings = { dropped, seen, recovered } }, events))
    assert.same({}, recording.warnings({ warnings = { seen } }, events))
  end)
end)
