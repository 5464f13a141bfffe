local helper = require "spec.helper"
local multipart = require "opengatellm.http.multipart"
local upload = require "opengatellm.http.upload"

local function read_all(form)
  local reader, pieces = form.open(), {}
  for bytes in reader.read do pieces[#pieces + 1] = bytes end
  reader.close()
  return table.concat(pieces), pieces, reader
end

local function boundary_of(form) return form.content_type:match "^multipart/form%-data; boundary=([%w-]+)$" end

describe("a form", function()
  it("has its fields in order, and says its length before", function()
    local path = helper.write "%PDF-1.7 x"
    local form = multipart.form { { "model", "whisper" }, { "text", "a\r\nb é" }, { "file", assert(upload.new { path = path, name = "a.pdf" }) } }
    local b = boundary_of(form)
    local wanted = table.concat({
      "--" .. b, 'Content-Disposition: form-data; name="model"', "", "whisper",
      "--" .. b, 'Content-Disposition: form-data; name="text"', "", "a\r\nb é",
      "--" .. b, 'Content-Disposition: form-data; name="file"; filename="a.pdf"', "Content-Type: application/pdf", "", "%PDF-1.7 x",
      "--" .. b .. "--", "",
    }, "\r\n")
    local text, _, reader = read_all(form)
    assert.equal(wanted, text)
    assert.equal(#wanted, form.length)
    assert.equal(#wanted, reader.length)
    assert.equal(wanted, (read_all(form))) -- again, for another try
  end)

  it("lets no name out of its quotes", function()
    local form = multipart.form { { 'a"b\r\nc', "x" }, { "f", assert(upload.new { data = "x", name = 'q".txt' }) } }
    local text = read_all(form)
    assert.truthy(text:find('name="a%22b%0D%0Ac"', 1, true))
    assert.truthy(text:find('filename="q%22.txt"', 1, true))
  end)

  it("has a boundary of its own each time", function()
    local seen = {}
    for _ = 1, 100 do
      local b = boundary_of(multipart.form {})
      assert.is_nil(seen[b])
      assert.is_true(#b >= 32 and #b <= 70) -- RFC 2046: 70 at most
      seen[b] = true
    end
  end)

  it("reads a large file in pieces", function()
    local path = helper.write(("x"):rep(1000000))
    local text, pieces = read_all(multipart.form { { "file", assert(upload.new(path)) } })
    assert.is_true(#text > 1000000)
    for _, piece in ipairs(pieces) do assert.is_true(#piece <= 65536) end
  end)

  it("is spent once a function in it was read", function()
    local given = { "ab", "c" }
    local form = multipart.form { { "file", assert(upload.new { read = function() return table.remove(given, 1) end, name = "a.mp3" }) } }
    assert.is_false(form.spent)
    assert.is_nil(form.length)
    assert.truthy(read_all(form):find("audio/mpeg\r\n\r\nabc\r\n", 1, true))
    assert.is_true(form.spent)
  end)

  it("ends with the error of a file that cannot be read", function()
    local path = helper.write "abcdef"
    local form = multipart.form { { "file", assert(upload.new(path)) } }
    assert(os.remove(path))
    local reader = form.open()
    assert(reader.read())
    local bytes, err = reader.read()
    assert.is_nil(bytes)
    assert.equal("file", err.kind)
    reader.close()
    reader.close()
  end)
end)
