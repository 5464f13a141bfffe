-- Forms that callers send: what is read of them, what changes, and what could be read in two ways.
local forms = require "opengatellm.gateway.form"

local TYPE = "multipart/form-data; boundary=b1"

local function part(name, value, more)
  return ('--b1\r\nContent-Disposition: form-data; name="%s"%s\r\n\r\n'):format(name, more or "") .. value .. "\r\n"
end

local function form_of(...) return table.concat { ... } .. "--b1--\r\n" end

describe("a form", function()
  local text = form_of(part("model", "whisper"), part("file", "\0RIFF\r\n--b\r\n", '; filename="a;b.wav"\r\nContent-Type: audio/wav'), part("prompt", ""))

  it("is read, whatever bytes its files have", function()
    local form = assert(forms.read(text, TYPE))
    assert.equal("whisper", form:value "model")
    assert.equal("\0RIFF\r\n--b\r\n", form:value "file")
    assert.equal("", form:value "prompt")
    assert.is_nil(form:value "other")
  end)

  it("keeps all but the field that changes", function()
    local form = assert(forms.read(text, TYPE))
    local before, after = text:match "^(.-)whisper(.*)$"
    for _, model in ipairs { "m", "", "a%1b" } do
      local changed = form:with("model", model)
      assert.equal(before .. model .. after, changed)
      assert.equal(model, assert(forms.read(changed, TYPE)):value "model")
    end
    assert.equal(text:gsub("\r\n%-%-b1%-%-", "x%0"), form:with("prompt", "x"))
  end)

  it("has a boundary with or without quotes, and may lack the last line end", function()
    for _, kind in ipairs { 'Multipart/form-data; Boundary="b1"', "multipart/form-data; charset=utf-8; boundary=b1" } do
      assert.equal("whisper", assert(forms.read(text:sub(1, -3), kind)):value "model")
    end
  end)

  it("may have a list, and no other field twice", function()
    assert.truthy(forms.read(form_of(part("include[]", "a"), part("include[]", "b")), TYPE))
    assert.equal("the form has the field model twice", select(2, forms.read(form_of(part("model", "a"), part("model", "b")), TYPE)))
  end)

  it("is refused where it could be read in two ways, or breaks off", function()
    local function refused(body, kind)
      local form, problem = forms.read(body, kind or TYPE)
      assert.is_nil(form)
      assert.equal("string", type(problem))
    end
    for n = 0, #text - 3 do refused(text:sub(1, n)) end
    refused(text .. "x")
    refused("x" .. text)
    for _, kind in ipairs { "multipart/form-data", "multipart/form-data; boundary=", "multipart/form-data; boundary=" .. ("b"):rep(71), "application/json" } do
      refused(text, kind)
    end
    for _, head in ipairs {
      'form-data; name=model', "form-data; name*=utf-8''model", 'form-data; name="model"; name="x"', 'form-data; filename="x"; name="model"', "attachment",
      'form-data; name="mo\\del"', 'form-data; name="a"\r\nContent-Disposition: form-data; name="model"',
    } do
      refused(("--b1\r\nContent-Disposition: %s\r\n\r\nx\r\n--b1--\r\n"):format(head))
    end
    refused("--b1\r\n\r\nx\r\n--b1--\r\n")
    refused("--b1\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\n--b1--\r\n")
    refused(form_of((part("a[]", "x"):rep(101))))
  end)
end)
