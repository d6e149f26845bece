// What a host's page loads. This file has a stable address; the elements that it loads are versioned.

import "/assets/VERSION/elements.js";
