local media = require "opengatellm.request.media"

describe("media", function()
  it("finds the MIME type in the first bytes", function()
    for bytes, mime in pairs {
      ["\137PNG\r\n\26\n...."] = "image/png", ["\255\216\255\224"] = "image/jpeg", ["GIF89a"] = "image/gif", ["RIFF\1\2\3\4WEBP"] = "image/webp",
      ["RIFF\0\0\0\0WAVE"] = "audio/wav", ["ID3\4"] = "audio/mpeg", ["\255\251\144"] = "audio/mpeg", ["OggS"] = "audio/ogg",
      ["fLaC"] = "audio/flac", ["%PDF-1.7"] = "application/pdf", ["II*\0"] = "image/tiff",
    } do
      assert.equal(mime, media.sniff(bytes))
    end
    assert.is_nil(media.sniff "hello")
    assert.is_nil(media.sniff "")
  end)

  it("makes a data URL of bytes, and leaves an address as it is", function()
    assert.equal("data:image/gif;base64,R0lGODlh", media.url { data = "GIF89a" })
    assert.equal("data:text/plain;base64,aGk=", media.url { data = "hi", mime = "text/plain" })
    assert.equal("http://x/y", media.url { url = "http://x/y" })
  end)

  it("reads a file when it is asked for, and says what is wrong with it", function()
    local path = os.tmpname()
    local file = assert(io.open(path, "wb"))
    file:write "%PDF-1.7 x"
    file:close()
    assert.same({ "%PDF-1.7 x", "application/pdf" }, { media.bytes { path = path } })
    os.remove(path)
    local url, err = media.url { path = path }
    assert.is_nil(url)
    assert.equal("file", err.kind)
    assert.matches(path, err.message, 1, true)
    assert.equal("file", select(2, media.bytes { path = "/" }).kind)
  end)

  it("says that it has none where a part is known by its id, or by nothing", function()
    for _, part in ipairs { { type = "image", id = "file-1" }, { type = "audio" }, { type = "file", data = 5 } } do
      for _, read in ipairs { media.bytes, media.url, media.base64 } do
        local found, err = read(part)
        assert.same({ nil, "unsupported" }, { found, err.kind })
        assert.matches(part.type, err.message)
      end
    end
  end)
end)
