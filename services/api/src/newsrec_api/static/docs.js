// Shows the API's contract by Swagger UI; every operation can be tried at this server.
"use strict";

window.SwaggerUIBundle({
  url: "/v1/openapi.json",
  domNode: document.getElementById("docs"),
  deepLinking: true,
  displayRequestDuration: true,
  tryItOutEnabled: true,
  validatorUrl: null, // asks no other site whether the document is valid
});
