@echo off
rem Runs Retort as ./retort does on other systems; see docs/launcher.md. It installs no driver.
setlocal
set "deno=npx -y deno@2.9.6"
set "number=0"
for /f "tokens=1-4 delims=. " %%a in ('deno --version 2^>nul') do (
  if "%%a"=="deno" set /a "number=%%b*1000000+%%c*1000+%%d"
)
if %number% geq 2009006 set "deno=deno"
if %number% geq 2009006 goto words
where npx >nul 2>nul && goto words
echo Cannot run Retort: got no Deno 2.9.6 or later, and no npx; install Deno or Node with npm>&2
exit /b 1

:words
rem The command is the first word that is not an option. shift /1 leaves %0 as it is.
set "command=%~1"
if not defined command goto permissions
shift /1
if "%command:~0,1%"=="-" goto words

:permissions
set "files=--allow-read --allow-write --allow-sys=hostname"
if "%command%"=="evaluate" set "files=--allow-read"
if "%command%"=="compare" set "files=--allow-read"
if "%command%"=="recipes" set "files=--allow-read"
if "%command%"=="data" set "files=--allow-read --allow-write --allow-net"
if "%command%"=="info" set "files="
set "env=LOG_TOKENS,LOG_STREAM,DENO_WEBGPU_BACKEND"
set "env=%env%,HF_ENDPOINT,HF_HUB_CACHE,HF_HOME,XDG_CACHE_HOME,HOME,USERPROFILE"
set "run=%deno% run %files% --allow-env=%env% "%~dp0cli.ts""
if "%command%"=="test" goto test
call %run% %*
exit /b %errorlevel%

:test
if "%*"=="test" goto checks
echo Cannot run %*: expected test alone; deno task test FILE runs one file>&2
exit /b 2

:checks
call %run% info >nul
if errorlevel 1 exit /b %errorlevel%
cd /d "%~dp0"
call %deno% task --quiet ok
exit /b %errorlevel%
