"use strict";
// Shows the document in Swagger UI. A key or token lives in this script's memory alone: no storage, no cookie, no
// address has it, and it goes to this host only.
(() => {
  const form = document.getElementById("access");
  const field = (name) => document.getElementById(name).value.trim();
  const state = document.getElementById("state");

  const credentials = (key) => {
    if (!key) return {};
    return key.split(".").length === 3 ? { Authorization: `Bearer ${key}` } : { "X-API-Key": key };
  };

  const show = async () => {
    const headers = credentials(field("key"));
    const model = field("model");
    const query = model ? `?model=${encodeURIComponent(model)}` : "";
    state.textContent = "";
    let response;
    try {
      response = await fetch(`api/openapi.json${query}`, { headers, credentials: "omit" });
    } catch {
      state.textContent = "The service cannot be reached.";
      return;
    }
    if (!response.ok) {
      const { error } = await response.json().catch(() => ({ error: response.statusText }));
      state.textContent = `${response.status}: ${error}`;
      return;
    }
    SwaggerUIBundle({
      spec: await response.json(),
      dom_id: "#swagger-ui",
      deepLinking: false,
      persistAuthorization: false,
      validatorUrl: null,
      tryItOutEnabled: true,
      docExpansion: "list",
      requestInterceptor: (request) => {
        const own = new URL(request.url, document.baseURI).origin === location.origin;
        if (own) request.headers = { ...credentials(field("key")), ...request.headers };
        return request;
      },
    });
  };

  form.addEventListener("submit", (event) => {
    event.preventDefault();
    show();
  });
  show();
})();
