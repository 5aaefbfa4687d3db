"use strict";(()=>{var e="looks "+location.pathname,t=Number(sessionStorage.getItem(e)??0);sessionStorage.setItem(e,String(t+1));setTimeout(()=>location.replace(location.pathname),t<20?1e3:1e4);})();
