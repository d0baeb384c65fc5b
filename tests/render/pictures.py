"""What tests ask of a picture's svg."""

from xml.etree import ElementTree as ET

from cloudops_nb.render.picture import Picture
from cloudops_nb.render.record import MAX_BYTES
from tests.render.samples import Elements

TAGS = {"svg", "title", "desc", "style", "g", "rect", "circle", "path", "text"}
ATTRIBUTES = {
    *("xmlns", "class", "role", "width", "height", "viewBox", "style", "d"),
    *("x", "y", "rx", "cx", "cy", "r"),
}
_NAMESPACE = "{http://www.w3.org/2000/svg}"


class Drawn:
    """The svg of a picture, parsed: what it says where, after checking that it is one of ours."""

    def __init__(self, picture: Picture) -> None:
        self.root = ET.fromstring(picture.svg)
        for each in self.root.iter():
            assert each.tag.removeprefix(_NAMESPACE) in TAGS
            assert set(each.attrib) <= ATTRIBUTES
            assert not any("url" in value for value in each.attrib.values())
        html = picture._repr_html_()
        assert max(len(html.encode()), len(str(picture).encode())) <= MAX_BYTES
        # What a browser makes of it: no element or attribute that is not in the svg or a record.
        elements = Elements(html)
        record = {"div", "b", "bdi", "span", "details", "summary", "pre"}
        assert elements.tags <= TAGS | record
        assert {name for name, _ in elements.attributes} <= {a.lower() for a in ATTRIBUTES}
        assert elements.others == []

    def texts(self, look: str = "") -> list[str]:
        """The texts that are seen; of one class, if given."""
        found = self.root.iter(f"{_NAMESPACE}text")
        return [
            each.text or "" for each in found if look in each.get("class", "").split() or not look
        ]

    def titles(self) -> list[str]:
        """What hovering shows: of the picture, then of each part."""
        return [each.text or "" for each in self.root.iter(f"{_NAMESPACE}title")]

    def shapes(self, look: str) -> list[ET.Element]:
        """The shapes of a class."""
        return [each for each in self.root.iter() if look in _looks(each)]

    def below(self, look: str, tag: str) -> list[ET.Element]:
        """The elements ``tag`` within groups of a class."""
        groups = self.root.iter(f"{_NAMESPACE}g")
        return [
            each
            for group in groups
            if look in _looks(group)
            for each in group.iter(f"{_NAMESPACE}{tag}")
        ]


def _looks(element: ET.Element) -> list[str]:
    return element.get("class", "").split()
