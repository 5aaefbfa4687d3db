"use strict";(()=>{var e=()=>window.parent!==window&&window.parent.postMessage({source:"countersign",type:"notified"},location.origin);e();setInterval(e,1e3);})();
