"""Places in space, mm, and where spheres meet."""

import math
from collections.abc import Sequence

Position = tuple[float, float, float]
Sphere = tuple[float, float, float, float]  # x, y, z, radius, mm


def trilaterate(spheres: Sequence[Sphere]) -> Position:
    """The lower of the two points on three spheres. Raises ValueError when there is none.

    In coordinates with the origin in the first centre, u towards the second, v in the plane of the three, w normal to
    it: u = (r1^2 - r2^2 + d^2) / 2d,  v = (r1^2 - r3^2 + i^2 + j^2 - 2iu) / 2j,  w = -+ sqrt(r1^2 - u^2 - v^2).
    """
    one, two, three = (tuple(sphere[:3]) for sphere in spheres)
    r1, r2, r3 = (sphere[3] for sphere in spheres)
    along = _minus(two, one)
    d = math.hypot(*along)
    u_axis = _times(along, 1 / d)
    across = _minus(three, one)
    i = _dot(u_axis, across)
    rest = _minus(across, _times(u_axis, i))
    j = math.hypot(*rest)
    v_axis = _times(rest, 1 / j)
    w_axis = _cross(u_axis, v_axis)
    u = (r1**2 - r2**2 + d**2) / (2 * d)
    v = (r1**2 - r3**2 + i**2 + j**2 - 2 * i * u) / (2 * j)
    left = r1**2 - u**2 - v**2
    if left < 0:
        raise ValueError("the arms do not meet")
    w = math.copysign(math.sqrt(left), -w_axis[2])
    x, y, z = (one[n] + u * u_axis[n] + v * v_axis[n] + w * w_axis[n] for n in range(3))
    return (x, y, z)


def _minus(a: Sequence[float], b: Sequence[float]) -> Position:
    return (a[0] - b[0], a[1] - b[1], a[2] - b[2])


def _times(a: Sequence[float], factor: float) -> Position:
    return (a[0] * factor, a[1] * factor, a[2] * factor)


def _dot(a: Sequence[float], b: Sequence[float]) -> float:
    return a[0] * b[0] + a[1] * b[1] + a[2] * b[2]


def _cross(a: Sequence[float], b: Sequence[float]) -> Position:
    return (a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0])
