---@meta opengatellm.types
--- Types of the operations, for language servers. Made of the rows in operations/ by `make docs`; not loaded by anybody.

---@class ogl.models.Options: ogl.CallOptions

---@class ogl.model.Options: ogl.CallOptions

---@class ogl.rerank.Options: ogl.CallOptions
---@field documents (string)[] The texts.
---@field query string What they are measured by. (1 character or more)
---@field model? string The model; default: the client's. (1 character or more)
---@field top_n? integer Results at most. (1 or more)

---@class ogl.ocr.Options: ogl.CallOptions
---@field document any An address, a path, or {url | path | data, mime, name}.
---@field bbox_annotation_format? table How pictures are described: {type = text|json_object|json_schema, json_schema}.
---@field document_annotation_format? table How the whole is described: the same.
---@field document_annotation_prompt? string What to say of it.
---@field extract_footer? boolean Footers apart.
---@field extract_header? boolean Headers apart.
---@field image_limit? integer Pictures at most.
---@field image_min_size? integer The least height and width of a picture.
---@field include_image_base64? boolean Send the pictures of the pages too.
---@field model? string The model. (1 character or more)
---@field pages? (integer)[] Only these pages; the first is 1.
---@field table_format? "markdown"|"html" How tables are written.

---@class ogl.transcribe.Options: ogl.CallOptions
---@field file ogl.Source The recording: mp3 or wav.
---@field language? string The language of the text.
---@field model? string The model; default: the client's. (1 character or more)
---@field prompt? string What the model should know.
---@field response_format? "json"|"text"|"verbose_json"|"diarized_json"|"srt"|"vtt" The form of the transcript.
---@field temperature? number How freely the model chooses. (0 to 1)
---@field timestamp_granularities? ("segment"|"word")[] Times of what; the form is then verbose_json. (1 item or more)

---@class ogl.legacy.parse.Options: ogl.CallOptions
---@field file ogl.Source The file.
---@field force_ocr? boolean OCR on every page.
---@field page_range? string Pages, from 0: "0,5-10,20".

---@class ogl.legacy.chunks.Options: ogl.CallOptions
---@field limit? integer Items of a page; the server's default is 10. (1 to 100)
---@field offset? integer Items to skip. (0 or more)

---@class ogl.legacy.chunk.Options: ogl.CallOptions

---@class ogl.speech.Options: ogl.CallOptions
---@field input string The text. (1 character or more)
---@field voice any The voice's name, or {id}.
---@field instructions? string How it is to be said.
---@field model? string The model; default: the client's. (1 character or more)
---@field path? string Write the answer to this file, piece by piece; it is there when it is whole. (1 character or more)
---@field response_format? string mp3 (the server's default), opus, aac, flac, wav or pcm. (1 character or more)
---@field speed? number How fast; 1 is as usual. (0.25 to 4)
---@field write? fun(bytes: string): boolean?, any Called with each piece of the answer; false, and why, ends it.

---@class ogl.images.Options: ogl.CallOptions
---@field prompt string What is to be seen. (1 character or more)
---@field background? "transparent"|"opaque"|"auto" What is behind it.
---@field model? string The model; default: the server's, not the client's. (1 character or more)
---@field moderation? "low"|"auto" How strict the server is.
---@field n? integer How many. (1 to 10)
---@field output_compression? integer How much a jpeg or webp is compressed, in percent. (0 to 100)
---@field output_format? "png"|"jpeg"|"webp" The form of the file.
---@field quality? string low, medium, high or auto; some models: standard or hd. (1 character or more)
---@field response_format? "url"|"b64_json" An address or the bytes, where the model leaves the choice.
---@field size? string WIDTHxHEIGHT, or auto. (1 character or more)
---@field style? "vivid"|"natural" The style, for models that have two.
---@field user? string Who asks.

---@class ogl.edit_images.Options: ogl.CallOptions
---@field image ogl.Source|ogl.Source[] What is changed: png, webp or jpg; one file or a list. (at most 16 items)
---@field prompt string What is to be seen. (1 character or more)
---@field background? "transparent"|"opaque"|"auto" What is behind it.
---@field input_fidelity? "high"|"low" How near it stays to what was given.
---@field mask? ogl.Source A png whose transparent areas say what may change.
---@field model? string The model; default: the server's, not the client's. (1 character or more)
---@field n? integer How many. (1 to 10)
---@field output_compression? integer How much a jpeg or webp is compressed, in percent. (0 to 100)
---@field output_format? "png"|"jpeg"|"webp" The form of the file.
---@field quality? string low, medium, high or auto; some models: standard or hd. (1 character or more)
---@field response_format? "url"|"b64_json" An address or the bytes, where the model leaves the choice.
---@field size? string WIDTHxHEIGHT, or auto. (1 character or more)
---@field user? string Who asks.

---@class ogl.moderate.Options: ogl.CallOptions
---@field input any A text, a list of texts, or a list of parts ({type = "text"|"image_url", …}).
---@field model? string The model; default: the server's, not the client's. (1 character or more)

---@class ogl.files.create.Options: ogl.CallOptions
---@field file ogl.Source The file.
---@field purpose string What for: batch, fine-tune, vision, user_data, evals, …; the Gemini API asks for none. (1 character or more)
---@field display_name? string Its name in the Gemini API; default: the file's. (1 to 512 characters)
---@field wait? any true, or seconds: come back when the Gemini API has processed it.

---@class ogl.files.list.Options: ogl.CallOptions
---@field after? string The ID that the page goes on after. (1 character or more)
---@field limit? integer Items of a page; the server's default is 10000. (1 to 10000)
---@field order? "asc"|"desc" By when they were made.
---@field purpose? string Only those for this. (1 character or more)

---@class ogl.files.get.Options: ogl.CallOptions

---@class ogl.files.content.Options: ogl.CallOptions
---@field path? string Write the answer to this file, piece by piece; it is there when it is whole. (1 character or more)
---@field write? fun(bytes: string): boolean?, any Called with each piece of the answer; false, and why, ends it.

---@class ogl.files.delete.Options: ogl.CallOptions

---@class ogl.batches.create.Options: ogl.CallOptions
---@field endpoint string The route of all its requests: "/v1/chat/completions". (1 character or more)
---@field input_file_id string A file of JSON lines, made for the purpose batch. (1 character or more)
---@field completion_window? string How long it may take; default: 24h. (1 character or more)
---@field metadata? table Up to 16 texts by name.

---@class ogl.batches.list.Options: ogl.CallOptions
---@field after? string The ID that the page goes on after. (1 character or more)
---@field limit? integer Items of a page; the server's default is 20. (1 to 100)

---@class ogl.batches.get.Options: ogl.CallOptions

---@class ogl.batches.cancel.Options: ogl.CallOptions

---@class ogl.batches.results.Options: ogl.CallOptions
---@field errors? boolean The requests that failed, which the server keeps apart, come after the others.

---@class ogl.collections.create.Options: ogl.CallOptions
---@field name string The name; several may have the same. (1 character or more)
---@field description? string What is in it.
---@field visibility? "private"|"public" Who finds it: its owner, or everybody.

---@class ogl.collections.list.Options: ogl.CallOptions
---@field limit? integer Items of a page; the server's default is 10. (1 to 100)
---@field name? string Only those of exactly this name.
---@field offset? integer Items to skip. (0 or more)
---@field sort_by? "id"|"name"|"created"|"updated" What they are sorted by.
---@field sort_order? "asc"|"desc" Direction of the order.
---@field visibility? "private"|"public" Who finds it: its owner, or everybody.

---@class ogl.collections.get.Options: ogl.CallOptions

---@class ogl.collections.update.Options: ogl.CallOptions
---@field description? string What is in it.
---@field name? string The new name. (1 character or more)
---@field visibility? "private"|"public" Who finds it: its owner, or everybody.

---@class ogl.collections.delete.Options: ogl.CallOptions

---@class ogl.documents.create.Options: ogl.CallOptions
---@field chunk_min_size? integer Characters that a chunk has at least. (0 or more)
---@field chunk_overlap? integer Characters that two chunks share. (0 or more)
---@field chunk_size? integer Characters of a chunk; the server's default is 2048. (0 or more)
---@field collection_id? integer The collection that it goes into. (more than 0)
---@field disable_chunking? boolean One chunk, whatever its size.
---@field file? ogl.Source The document: pdf, txt, html or md.
---@field is_separator_regex? boolean The separators are regular expressions.
---@field metadata? table<string, string|number|boolean> 1 to 10 keys of each chunk: texts, numbers, booleans.
---@field name? string Its name; needed where there is no file. (1 to 255 characters)
---@field preset_separators? string Where to cut, by the language of the text.
---@field separators? (string)[] Where to cut; then preset_separators do not count.
---@field wait? any true, or seconds: come back when the server has indexed it.

---@class ogl.documents.list.Options: ogl.CallOptions
---@field collection_id? integer Only those in it. (more than 0)
---@field limit? integer Items of a page; the server's default is 10. (1 to 100)
---@field name? string Only those of this name.
---@field offset? integer Items to skip. (0 or more)
---@field sort_by? "id"|"name"|"created" What they are sorted by.
---@field sort_order? "asc"|"desc" Direction of the order.

---@class ogl.documents.get.Options: ogl.CallOptions

---@class ogl.documents.delete.Options: ogl.CallOptions

---@class ogl.chunks.create.Options: ogl.CallOptions
---@field chunks (table)[] Each {content = text, metadata = {…}}. (1 to 64 items)

---@class ogl.chunks.list.Options: ogl.CallOptions
---@field limit? integer Items of a page; the server's default is 10. (1 to 100)
---@field offset? integer Items to skip. (0 or more)

---@class ogl.chunks.get.Options: ogl.CallOptions

---@class ogl.chunks.delete.Options: ogl.CallOptions

---@class ogl.search.Options: ogl.CallOptions
---@field query string What is looked for. (1 character or more)
---@field collection_ids? (integer)[] The collections to search. (at most 100 items)
---@field document_ids? (integer)[] The documents to search. (at most 100 items)
---@field limit? integer Hits at most; the server's default is 10. (1 to 100)
---@field metadata_filters? ogl.Filter What the chunks' metadata have to be (ogl.filter).
---@field method? "semantic"|"hybrid"|"lexical" How; the server's default is semantic.
---@field offset? integer Hits to skip. (0 or more)
---@field rff_k? integer Smoothing of the ranks that hybrid joins; the server's default is 60. (0 to 16384)
---@field score_threshold? number The least cosine similarity; semantic only. (0 to 1)

---@class ogl.me.Options: ogl.CallOptions

---@class ogl.update_me.Options: ogl.CallOptions
---@field current_password? string The password so far. (at most 72 characters)
---@field email? string The new address. (1 to 254 characters)
---@field name? string The new name. (1 character or more)
---@field password? string The new password. (6 to 72 characters)

---@class ogl.keys.create.Options: ogl.CallOptions
---@field name string The name. (1 character or more)
---@field expires? integer When it ends; none: never.

---@class ogl.keys.list.Options: ogl.CallOptions
---@field limit? integer Items of a page; the server's default is 10. (1 to 100)
---@field offset? integer Items to skip. (0 or more)
---@field sort_by? "id"|"name"|"created" What they are sorted by.
---@field sort_order? "asc"|"desc" Direction of the order.
---@field status? "active"|"expired"|"revoked" Only those in this state.

---@class ogl.keys.get.Options: ogl.CallOptions

---@class ogl.keys.update.Options: ogl.CallOptions
---@field name string The new name. (1 character or more)

---@class ogl.keys.delete.Options: ogl.CallOptions

---@class ogl.usage.Options: ogl.CallOptions
---@field end_time? integer Until when.
---@field endpoint? "/v1/audio/transcriptions"|"/v1/chat/completions"|"/v1/embeddings"|"/v1/ocr"|"/v1/rerank"|"/v1/search" Only calls of this route.
---@field key_id? integer Only calls with this key.
---@field limit? integer Items of a page; the server's default is 10. (1 to 100)
---@field models? (string)[] Only these models.
---@field offset? integer Items to skip. (0 or more)
---@field start_time? integer From when on.

---@class ogl.organization.Options: ogl.CallOptions

---@class ogl.login.Options: ogl.CallOptions
---@field email string The address. (1 to 254 characters)
---@field password string The password. (1 to 72 characters)

---@class ogl.sso_login.Options: ogl.CallOptions
---@field email? string The address.
---@field name? string The name.
---@field token? string What the SSO provider gave.

---@class ogl.admin.users.create.Options: ogl.CallOptions
---@field email string The address, which is the name to log in with. (1 to 254 characters)
---@field organization_id integer The organization's ID.
---@field password string The password. (6 to 72 characters)
---@field role_id integer The role's ID.
---@field budget? number What may be spent; none: no limit.
---@field expires? integer When the account ends; none: never.
---@field name? string The name. (1 character or more)
---@field priority? integer Higher goes first. (0 or more)

---@class ogl.admin.users.list.Options: ogl.CallOptions
---@field email? string Only the one with this address.
---@field limit? integer Items of a page; the server's default is 10. (1 to 100)
---@field offset? integer Items to skip. (0 or more)
---@field organization_id? integer Only those of it.
---@field role_id? integer Only those with this role.
---@field sort_by? "id"|"name"|"created"|"updated" What they are sorted by.
---@field sort_order? "asc"|"desc" Direction of the order.

---@class ogl.admin.users.get.Options: ogl.CallOptions

---@class ogl.admin.users.update.Options: ogl.CallOptions
---@field budget? number The new budget; null: no limit.
---@field current_password? string The password so far. (1 to 72 characters)
---@field email? string The new address. (1 to 254 characters)
---@field expires? integer When the account ends; null: never.
---@field name? string The new name. (1 character or more)
---@field organization_id? integer The new organization.
---@field password? string The new password. (6 to 72 characters)
---@field priority? integer Higher goes first. (0 or more)
---@field role_id? integer The new role.

---@class ogl.admin.users.delete.Options: ogl.CallOptions

---@class ogl.admin.roles.create.Options: ogl.CallOptions
---@field limits? (table)[] Its limits, each {router_id, type = tpm|tpd|rpm|rpd, value = null: none, 0: forbidden}.
---@field name? string The name. (1 character or more)
---@field permissions? ("admin"|"read_metric"|"provide_models")[] What it permits.

---@class ogl.admin.roles.list.Options: ogl.CallOptions
---@field limit? integer Items of a page; the server's default is 10. (1 to 100)
---@field offset? integer Items to skip. (0 or more)
---@field sort_by? "id"|"name"|"created" What they are sorted by.
---@field sort_order? "asc"|"desc" Direction of the order.

---@class ogl.admin.roles.get.Options: ogl.CallOptions

---@class ogl.admin.roles.update.Options: ogl.CallOptions
---@field limits? (table)[] Its limits from now on, each {router_id, type = tpm|tpd|rpm|rpd, value}.
---@field name? string The new name. (1 character or more)
---@field permissions? ("admin"|"read_metric"|"provide_models")[] What it permits from now on.

---@class ogl.admin.roles.delete.Options: ogl.CallOptions

---@class ogl.admin.organizations.create.Options: ogl.CallOptions
---@field name string The name. (1 character or more)

---@class ogl.admin.organizations.list.Options: ogl.CallOptions
---@field limit? integer Items of a page; the server's default is 10. (1 to 100)
---@field offset? integer Items to skip. (0 or more)
---@field sort_by? "id"|"name"|"created"|"updated" What they are sorted by.
---@field sort_order? "asc"|"desc" Direction of the order.

---@class ogl.admin.organizations.get.Options: ogl.CallOptions

---@class ogl.admin.organizations.update.Options: ogl.CallOptions
---@field name? string The new name. (1 character or more)

---@class ogl.admin.organizations.delete.Options: ogl.CallOptions

---@class ogl.admin.routers.create.Options: ogl.CallOptions
---@field name string The model's name. (1 character or more)
---@field type "automatic-speech-recognition"|"image-to-text"|"text-embeddings-inference"|"text-generation"|"text-classification" What it does.
---@field aliases? (string)[] Other names of the same.
---@field cost_completion_tokens? number Price of a million tokens that it writes. (0 or more)
---@field cost_prompt_tokens? number Price of a million tokens that it reads. (0 or more)
---@field load_balancing_strategy? "shuffle"|"least_busy" How one of the providers is chosen.
---@field qos_retries_before_reject? integer How often a request that finds all providers busy is tried again; null: as the server does by itself. (0 or more)

---@class ogl.admin.routers.list.Options: ogl.CallOptions
---@field limit? integer Items of a page; the server's default is 10. (1 to 100)
---@field offset? integer Items to skip. (0 or more)
---@field sort_by? "id"|"name"|"created" What they are sorted by.
---@field sort_order? "asc"|"desc" Direction of the order.

---@class ogl.admin.routers.get.Options: ogl.CallOptions

---@class ogl.admin.routers.update.Options: ogl.CallOptions
---@field aliases? (string)[] Its other names from now on.
---@field cost_completion_tokens? number Price of a million tokens that it writes. (0 or more)
---@field cost_prompt_tokens? number Price of a million tokens that it reads. (0 or more)
---@field load_balancing_strategy? "shuffle"|"least_busy" How one of the providers is chosen.
---@field name? string The new name. (1 character or more)
---@field qos_retries_before_reject? integer How often a request that finds all providers busy is tried again; null: as the server does by itself. (0 or more)
---@field type? "automatic-speech-recognition"|"image-to-text"|"text-embeddings-inference"|"text-generation"|"text-classification" What it does.

---@class ogl.admin.routers.delete.Options: ogl.CallOptions

---@class ogl.admin.providers.create.Options: ogl.CallOptions
---@field model_name string What it calls the model.
---@field router_id integer The router's ID.
---@field type "albert"|"openai"|"mistral"|"tei"|"vllm" Its kind.
---@field basic_auth? {username: string, password: string} What it asks for besides: {username, password}.
---@field key? string Its key. (1 character or more)
---@field model_active_params? integer Parameters that are active for a token, in billions. (0 or more)
---@field model_hosting_zone? string Where the model runs (ISO 3166-1 alpha-3, WOR: anywhere), for its footprint.
---@field model_total_params? integer All parameters of the model, in billions. (0 or more)
---@field qos_limit? number The bound of that measure; from 0.9.3 on: requests that it works on at once. (0 or more)
---@field qos_metric? "ttft"|"latency"|"inflight"|"performance"|"normalized_latency" What the quality of service is measured by.
---@field timeout? integer Seconds before it counts as too busy. (1 to 3600)
---@field url? string Its address, without /v1. (1 character or more)

---@class ogl.admin.providers.list.Options: ogl.CallOptions
---@field limit? integer Items of a page; the server's default is 10. (1 to 100)
---@field offset? integer Items to skip. (0 or more)
---@field router_id? integer Only those behind this router.
---@field sort_by? "id"|"model_name"|"created" What they are sorted by.
---@field sort_order? "asc"|"desc" Direction of the order.

---@class ogl.admin.providers.get.Options: ogl.CallOptions

---@class ogl.admin.providers.update.Options: ogl.CallOptions
---@field model_active_params? integer Parameters that are active for a token, in billions. (0 or more)
---@field model_hosting_zone? string Where the model runs (ISO 3166-1 alpha-3, WOR: anywhere), for its footprint.
---@field model_total_params? integer All parameters of the model, in billions. (0 or more)
---@field qos_limit? number The bound of that measure; from 0.9.3 on: requests that it works on at once. (0 or more)
---@field qos_metric? "ttft"|"latency"|"inflight"|"performance" What the quality of service is measured by.
---@field router_id? integer The router to put it behind.
---@field timeout? integer Seconds before it counts as too busy. (1 to 3600)

---@class ogl.admin.providers.delete.Options: ogl.CallOptions

---@class ogl.admin.keys.create.Options: ogl.CallOptions
---@field name string The name. (1 character or more)
---@field user_id integer Whose key it is.
---@field expires? integer When it ends; none: never.

---@class ogl.admin.keys.list.Options: ogl.CallOptions
---@field limit? integer Items of a page; the server's default is 10. (1 to 100)
---@field offset? integer Items to skip. (0 or more)
---@field sort_by? "id"|"name"|"created" What they are sorted by.
---@field sort_order? "asc"|"desc" Direction of the order.
---@field status? "active"|"expired"|"revoked" Only those in this state.
---@field user_id? integer Only those of this user.

---@class ogl.admin.keys.get.Options: ogl.CallOptions

---@class ogl.admin.keys.delete.Options: ogl.CallOptions

---@class ogl.admin.sso.get.Options: ogl.CallOptions

---@class ogl.admin.sso.update.Options: ogl.CallOptions
---@field rules (table)[] Each {type = email|organization|role, value, organization_id | role_id}.

---@class ogl.health.Options: ogl.CallOptions

---@class ogl.health_models.Options: ogl.CallOptions

---@class ogl.metrics.Options: ogl.CallOptions
---@field parse? boolean A table instead of the text.

---@class ogl.Client
---@field models fun(self: any, options?: ogl.models.Options): table[]|ogl.Page?, ogl.Error? The models that the key may use.
---@field model fun(self: any, id: string, options?: ogl.model.Options): table?, ogl.Error? One model, by its name or an alias; slashes in it are part of it.
---@field rerank fun(self: any, options: ogl.rerank.Options): ogl.Rerank?, ogl.Error? Texts by how well they answer a query, best first, in `results`: each {index, score}.
---@field ocr fun(self: any, options: ogl.ocr.Options): ogl.OCR?, ogl.Error? The text of a document or a picture, page by page, as Markdown.
---@field transcribe fun(self: any, options: ogl.transcribe.Options): ogl.Transcript?, ogl.Error? The text of a recording.
---@field legacy ogl.Client.legacy
---@field speech fun(self: any, options: ogl.speech.Options): ogl.Download?, ogl.Error? A text, spoken: {data, mime, length}.
---@field images fun(self: any, options: ogl.images.Options): ogl.Images?, ogl.Error? Images of a description, in `images`: each {url | data, mime, revised_prompt}.
---@field edit_images fun(self: any, options: ogl.edit_images.Options): ogl.Images?, ogl.Error? Images that are changed by a description; the result is that of images.
---@field moderate fun(self: any, options: ogl.moderate.Options): ogl.Moderation?, ogl.Error? Whether a text or a picture is harmful, in `results`: each {flagged, categories, scores}.
---@field files ogl.Client.files
---@field batches ogl.Client.batches
---@field collections ogl.Client.collections
---@field documents ogl.Client.documents
---@field chunks ogl.Client.chunks
---@field search fun(self: any, options: ogl.search.Options): ogl.Search?, ogl.Error? The chunks that fit a query, best first, in `results`: each {score, method, chunk}.
---@field me fun(self: any, options?: ogl.me.Options): ogl.User?, ogl.Error? Who the key belongs to: permissions, limits, budget.
---@field update_me fun(self: any, options?: ogl.update_me.Options): ogl.User|true?, ogl.Error? Changes one's own name, address or password; what is not named stays.
---@field keys ogl.Client.keys
---@field usage fun(self: any, options?: ogl.usage.Options): ogl.UsageEntry[]|ogl.Page?, ogl.Error? What was used: by day (UTC) from 0.8 on, by request before. Without dates: the last 30 days.
---@field each_usage fun(self: any, options?: ogl.usage.Options): fun(): ogl.UsageEntry? All of them, page by page.
---@field organization fun(self: any, options?: ogl.organization.Options): ogl.Organization?, ogl.Error? One's own organization.
---@field login fun(self: any, options: ogl.login.Options): ogl.Key?, ogl.Error? Logs in with a password; gives a key that does not live long, its secret in `value`.
---@field sso_login fun(self: any, options?: ogl.sso_login.Options): ogl.Key?, ogl.Error? Logs in with what an SSO provider gave; its form is the server's own.
---@field admin ogl.Client.admin
---@field health fun(self: any, options?: ogl.health.Options): table?, ogl.Error? What the server says of itself: {status = "ok"}.
---@field health_models fun(self: any, options?: ogl.health_models.Options): table[]|ogl.Page?, ogl.Error? The state of each model that the key may use: {id, status = green|yellow|red}.
---@field metrics fun(self: any, options?: ogl.metrics.Options): string|table<string, ogl.MetricFamily>?, ogl.Error? The server's metrics as Prometheus writes them; with `parse`, as a table of families.

---@class ogl.Client.legacy
---@field parse fun(self: any, options: ogl.legacy.parse.Options): table?, ogl.Error? The text of a PDF file, page by page.
---@field chunks fun(self: any, document_id: integer, options?: ogl.legacy.chunks.Options): table[]|ogl.Page?, ogl.Error? The chunks of a document, by the route that chunks.list replaced.
---@field each_chunks fun(self: any, document_id: integer, options?: ogl.legacy.chunks.Options): fun(): table? All of them, page by page.
---@field chunk fun(self: any, document_id: integer, chunk_id: integer, options?: ogl.legacy.chunk.Options): table?, ogl.Error? One chunk, by the route that chunks.get replaced.

---@class ogl.Client.files
---@field create fun(self: any, options: ogl.files.create.Options): table?, ogl.Error? Uploads a file; gives its `id`.
---@field list fun(self: any, options?: ogl.files.list.Options): table[]|ogl.Page?, ogl.Error? The files.
---@field each fun(self: any, options?: ogl.files.list.Options): fun(): table? All of them, page by page.
---@field get fun(self: any, id: string, options?: ogl.files.get.Options): table?, ogl.Error? What the server says of a file.
---@field content fun(self: any, id: string, options?: ogl.files.content.Options): ogl.Download?, ogl.Error? What is in a file: {data, mime, length}.
---@field delete fun(self: any, id: string, options?: ogl.files.delete.Options): table|true?, ogl.Error? Deletes a file.

---@class ogl.Client.batches
---@field create fun(self: any, options: ogl.batches.create.Options): table?, ogl.Error? Has the server work off a file of requests; gives its `id` and `status`.
---@field list fun(self: any, options?: ogl.batches.list.Options): table[]|ogl.Page?, ogl.Error? The batches.
---@field each fun(self: any, options?: ogl.batches.list.Options): fun(): table? All of them, page by page.
---@field get fun(self: any, id: string, options?: ogl.batches.get.Options): table?, ogl.Error? One batch: `status`, `request_counts`, `output_file_id`, and more.
---@field cancel fun(self: any, id: string, options?: ogl.batches.cancel.Options): table?, ogl.Error? Stops a batch; what is done stays.
---@field results fun(self: any, id: string, options?: ogl.batches.results.Options): ogl.BatchResults?, ogl.Error? What a batch has done, line by line: `for line in assert(client.batches:results(id)) do`.

---@class ogl.Client.collections
---@field create fun(self: any, options: ogl.collections.create.Options): table?, ogl.Error? Makes a collection; gives its `id`.
---@field list fun(self: any, options?: ogl.collections.list.Options): table[]|ogl.Page?, ogl.Error? The collections that one may read.
---@field each fun(self: any, options?: ogl.collections.list.Options): fun(): table? All of them, page by page.
---@field get fun(self: any, id: integer, options?: ogl.collections.get.Options): table?, ogl.Error? One collection.
---@field update fun(self: any, id: integer, options?: ogl.collections.update.Options): table|true?, ogl.Error? Changes a collection; what is not named stays.
---@field delete fun(self: any, id: integer, options?: ogl.collections.delete.Options): table|true?, ogl.Error? Deletes a collection and all that is in it.

---@class ogl.Client.documents
---@field create fun(self: any, options?: ogl.documents.create.Options): table?, ogl.Error? Makes a document of a file, or an empty one to be filled with chunks; gives its `id`.
---@field list fun(self: any, options?: ogl.documents.list.Options): table[]|ogl.Page?, ogl.Error? The documents that one may read.
---@field each fun(self: any, options?: ogl.documents.list.Options): fun(): table? All of them, page by page.
---@field get fun(self: any, id: integer, options?: ogl.documents.get.Options): table?, ogl.Error? One document; `chunks` counts what is indexed.
---@field delete fun(self: any, id: integer, options?: ogl.documents.delete.Options): table|true?, ogl.Error? Deletes a document and its chunks.

---@class ogl.Client.chunks
---@field create fun(self: any, document_id: integer, options: ogl.chunks.create.Options): table?, ogl.Error? Adds chunks to a document, all or none; gives their `ids`, which count from 0.
---@field list fun(self: any, document_id: integer, options?: ogl.chunks.list.Options): table[]|ogl.Page?, ogl.Error? The chunks of a document.
---@field each fun(self: any, document_id: integer, options?: ogl.chunks.list.Options): fun(): table? All of them, page by page.
---@field get fun(self: any, document_id: integer, chunk_id: integer, options?: ogl.chunks.get.Options): table?, ogl.Error? One chunk.
---@field delete fun(self: any, document_id: integer, chunk_id: integer, options?: ogl.chunks.delete.Options): table|true?, ogl.Error? Deletes a chunk.

---@class ogl.Client.keys
---@field create fun(self: any, options: ogl.keys.create.Options): ogl.Key?, ogl.Error? Makes a key; its secret, `value`, is shown this once.
---@field list fun(self: any, options?: ogl.keys.list.Options): ogl.Key[]|ogl.Page?, ogl.Error? One's own keys; their secrets are masked.
---@field each fun(self: any, options?: ogl.keys.list.Options): fun(): ogl.Key? All of them, page by page.
---@field get fun(self: any, id: integer, options?: ogl.keys.get.Options): ogl.Key?, ogl.Error? One key; its secret is masked.
---@field update fun(self: any, id: integer, options: ogl.keys.update.Options): ogl.Key|true?, ogl.Error? Renames a key.
---@field delete fun(self: any, id: integer, options?: ogl.keys.delete.Options): ogl.Key|true?, ogl.Error? Ends a key: revoked from 0.9 on, deleted before.

---@class ogl.Client.admin.users
---@field create fun(self: any, options: ogl.admin.users.create.Options): ogl.User?, ogl.Error? Makes a user.
---@field list fun(self: any, options?: ogl.admin.users.list.Options): ogl.User[]|ogl.Page?, ogl.Error? The users.
---@field each fun(self: any, options?: ogl.admin.users.list.Options): fun(): ogl.User? All of them, page by page.
---@field get fun(self: any, id: integer, options?: ogl.admin.users.get.Options): ogl.User?, ogl.Error? One user.
---@field update fun(self: any, id: integer, options?: ogl.admin.users.update.Options): ogl.User|true?, ogl.Error? Changes a user; what is not named stays.
---@field delete fun(self: any, id: integer, options?: ogl.admin.users.delete.Options): ogl.User|true?, ogl.Error? Deletes a user.

---@class ogl.Client.admin
---@field users ogl.Client.admin.users
---@field roles ogl.Client.admin.roles
---@field organizations ogl.Client.admin.organizations
---@field routers ogl.Client.admin.routers
---@field providers ogl.Client.admin.providers
---@field keys ogl.Client.admin.keys
---@field sso ogl.Client.admin.sso

---@class ogl.Client.admin.roles
---@field create fun(self: any, options?: ogl.admin.roles.create.Options): ogl.Role?, ogl.Error? Makes a role.
---@field list fun(self: any, options?: ogl.admin.roles.list.Options): ogl.Role[]|ogl.Page?, ogl.Error? The roles.
---@field each fun(self: any, options?: ogl.admin.roles.list.Options): fun(): ogl.Role? All of them, page by page.
---@field get fun(self: any, id: integer, options?: ogl.admin.roles.get.Options): ogl.Role?, ogl.Error? One role.
---@field update fun(self: any, id: integer, options?: ogl.admin.roles.update.Options): ogl.Role|true?, ogl.Error? Changes a role; what is not named stays.
---@field delete fun(self: any, id: integer, options?: ogl.admin.roles.delete.Options): ogl.Role|true?, ogl.Error? Deletes a role that no user has.

---@class ogl.Client.admin.organizations
---@field create fun(self: any, options: ogl.admin.organizations.create.Options): ogl.Organization?, ogl.Error? Makes an organization.
---@field list fun(self: any, options?: ogl.admin.organizations.list.Options): ogl.Organization[]|ogl.Page?, ogl.Error? The organizations.
---@field each fun(self: any, options?: ogl.admin.organizations.list.Options): fun(): ogl.Organization? All of them, page by page.
---@field get fun(self: any, id: integer, options?: ogl.admin.organizations.get.Options): ogl.Organization?, ogl.Error? One organization.
---@field update fun(self: any, id: integer, options?: ogl.admin.organizations.update.Options): ogl.Organization|true?, ogl.Error? Renames an organization.
---@field delete fun(self: any, id: integer, options?: ogl.admin.organizations.delete.Options): ogl.Organization|true?, ogl.Error? Deletes an organization.

---@class ogl.Client.admin.routers
---@field create fun(self: any, options: ogl.admin.routers.create.Options): ogl.Router?, ogl.Error? Makes a router: a model's name, with providers behind it.
---@field list fun(self: any, options?: ogl.admin.routers.list.Options): ogl.Router[]|ogl.Page?, ogl.Error? The routers.
---@field each fun(self: any, options?: ogl.admin.routers.list.Options): fun(): ogl.Router? All of them, page by page.
---@field get fun(self: any, id: integer, options?: ogl.admin.routers.get.Options): ogl.Router?, ogl.Error? One router.
---@field update fun(self: any, id: integer, options?: ogl.admin.routers.update.Options): ogl.Router|true?, ogl.Error? Changes a router; what is not named stays.
---@field delete fun(self: any, id: integer, options?: ogl.admin.routers.delete.Options): ogl.Router|true?, ogl.Error? Deletes a router.

---@class ogl.Client.admin.providers
---@field create fun(self: any, options: ogl.admin.providers.create.Options): ogl.Provider?, ogl.Error? Puts a provider behind a router; the server tries to reach it.
---@field list fun(self: any, options?: ogl.admin.providers.list.Options): ogl.Provider[]|ogl.Page?, ogl.Error? The providers.
---@field each fun(self: any, options?: ogl.admin.providers.list.Options): fun(): ogl.Provider? All of them, page by page.
---@field get fun(self: any, id: integer, options?: ogl.admin.providers.get.Options): ogl.Provider?, ogl.Error? One provider.
---@field update fun(self: any, id: integer, options?: ogl.admin.providers.update.Options): ogl.Provider|true?, ogl.Error? Changes a provider; what is not named stays.
---@field delete fun(self: any, id: integer, options?: ogl.admin.providers.delete.Options): ogl.Provider|true?, ogl.Error? Takes a provider away.

---@class ogl.Client.admin.keys
---@field create fun(self: any, options: ogl.admin.keys.create.Options): ogl.Key?, ogl.Error? Makes a key for a user; its secret, `value`, is shown this once.
---@field list fun(self: any, options?: ogl.admin.keys.list.Options): ogl.Key[]|ogl.Page?, ogl.Error? The keys of all users; their secrets are masked.
---@field each fun(self: any, options?: ogl.admin.keys.list.Options): fun(): ogl.Key? All of them, page by page.
---@field get fun(self: any, id: integer, options?: ogl.admin.keys.get.Options): ogl.Key?, ogl.Error? One key; its secret is masked.
---@field delete fun(self: any, id: integer, options?: ogl.admin.keys.delete.Options): ogl.Key|true?, ogl.Error? Ends a key.

---@class ogl.Client.admin.sso
---@field get fun(self: any, options?: ogl.admin.sso.get.Options): table[]|ogl.Page?, ogl.Error? The rules that say who may sign in by SSO.
---@field update fun(self: any, options: ogl.admin.sso.update.Options): table[]|ogl.Page?, ogl.Error? Replaces those rules.
