"""G-code over the API: gcode/script, help, restart, firmware_restart, subscribe_output, and what is like G-code."""

from typing import Annotated

from klipkit.base.endpoint import Client, Result, Template, endpoint, message_of
from klipkit.base.errors import KlipkitError
from klipkit.base.faults import RequestError
from klipkit.daemon.daemon import Daemon, Request
from klipkit.machine.commands.pause_resume import PauseResume

SOURCE = "API"  # what errors call the lines of a script


class GcodeEndpoints:
    """Scripts of clients take their turn with all other sources."""

    def __init__(self, daemon: Daemon) -> None:
        self._daemon = daemon

    @endpoint("gcode/script")
    async def script(self, *, script: Annotated[str, "lines of G-code"]) -> Result:
        """Carry out lines of G-code; answered when they are done."""
        try:
            await self._daemon.execute(script, SOURCE)
        except KlipkitError as error:
            self._daemon.responses.error(str(error))
            raise
        return {}

    @endpoint("gcode/help")
    async def help(self) -> Result:
        """The commands that are known, each with a sentence."""
        known = sorted(self._daemon.commands().by_name.items())
        return {name: command.text.partition("\n")[0] for name, command in known if command.text}

    @endpoint("gcode/restart")
    async def restart(self) -> Result:
        """As RESTART."""
        self._daemon.ask(Request.RESTART)
        return {}

    @endpoint("gcode/firmware_restart")
    async def firmware_restart(self) -> Result:
        """As FIRMWARE_RESTART."""
        self._daemon.ask(Request.FIRMWARE_RESTART)
        return {}

    @endpoint("reload")
    async def reload(self) -> Result:
        """As RELOAD: take on what has changed in the configuration, and tell what needs a restart."""
        return (await self._daemon.reload()).record()

    @endpoint("gcode/subscribe_output")
    async def subscribe_output(self, client: Client, *, response_template: Template = None) -> Result:
        """Have all that the machine says sent to this client, a message a line."""
        earlier = client.parting.get(self)
        if earlier is not None:
            earlier()
        client.parting[self] = self._daemon.responses.listen(
            lambda line: client.send(message_of(response_template, {"response": line}))
        )
        return {}

    @endpoint("pause_resume/pause")
    async def pause(self) -> Result:
        """Let the print rest: at once, then what PAUSE does besides."""
        await self._pausing().stop()
        return await self.script(script="PAUSE")

    @endpoint("pause_resume/resume")
    async def resume(self) -> Result:
        """As RESUME."""
        self._pausing()
        return await self.script(script="RESUME")

    @endpoint("pause_resume/cancel")
    async def cancel(self) -> Result:
        """As CANCEL_PRINT."""
        self._pausing()
        return await self.script(script="CANCEL_PRINT")

    @endpoint("cancel_wait")
    async def cancel_wait(self) -> Result:
        """End what waits for a temperature or a time, as M108."""
        return await self.script(script="M108")

    @endpoint("query_endstops/status")
    async def query_endstops(self) -> Result:
        """Whether each endstop is open or TRIGGERED now."""
        states = await self._daemon.in_turn(lambda host: host.homing.query())
        return {name: "TRIGGERED" if state else "open" for name, state in states.items()}

    def _pausing(self) -> PauseResume:
        part = self._daemon.ready().parts.get("pause_resume")
        if not isinstance(part, PauseResume):
            raise RequestError(
                "prints cannot be paused or cancelled here", hint="add [pause_resume] to the configuration"
            )
        return part
