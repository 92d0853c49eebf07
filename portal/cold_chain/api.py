"""Pages of the cold chain."""

from fastapi import APIRouter

router = APIRouter()
