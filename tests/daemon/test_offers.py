"""An offer over the daemon as a process: asked, refused, left in silence, accepted by the first of all."""

from tests.daemon.conftest import Make
from tests.daemon.process import until


async def test_a_lead_goes_from_offer_to_offer_and_at_last_to_the_first_who_accepts(make: Make) -> None:
    daemon = make(
        directors={"irina": {"name": "Ирина"}},
        teams={"sales": {"managers": ["anna", "boris"], "accept_within": "3m", "head": "irina"}},
    )
    daemon.start()
    async with daemon.client() as client:
        lead = await client.lead(name="Николай", phone="+79123456789", message="цемент")
        assert (lead["state"], lead["owner"], lead["offer"]["manager"]) == ("assigned", "anna", "anna")
        shown = {one["name"]: one["offered"] for one in await client.listed("/api/managers")}
        assert shown == {"anna": 1, "boris": 0}
        declined = await client.ask("POST", f"/api/leads/{lead['id']}/decline", json={"reason": "обед"})
        assert (declined.status, declined.json["owner"]) == (200, "boris")
        await client.advance("3m")

        async def is_everybodys() -> bool:
            return bool((await client.get(f"/api/leads/{lead['id']}"))["reason"] == "refused_by_all")

        await until(is_everybodys)
        offer = (await client.get(f"/api/leads/{lead['id']}"))["offer"]
        assert (offer["manager"], offer["managers"], offer["by"]) == (None, ["anna", "boris"], "everyone")
        accept = f"/api/leads/{lead['id']}/accept"
        first = await client.ask("POST", accept, json={"manager": "boris"})
        second = await client.ask("POST", accept, json={"manager": "anna"})
        assert (first.status, first.json["state"]) == (200, "in_work")
        assert (second.status, second.error) == (409, "taken")
        told = await client.get(f"/api/leads/{lead['id']}/explain", language="en")
        assert "Reason: обед." in "\n".join(one["text"] for one in told["sentences"])
