"""The addresses of the figures."""

from django.urls import path

from learning import figures

urlpatterns = [
    path("learning/figures/", figures.figures, name="figures"),
    path("learning/figures/<slug:period>/", figures.period, name="figures-period"),
    path("learning/figures/<slug:period>/figures.xlsx", figures.as_xlsx, name="figures-xlsx"),
    path("learning/figures/<slug:period>/figures.pdf", figures.as_pdf, name="figures-pdf"),
    path("learning/figures/<slug:period>/<slug:table>.csv", figures.as_csv, name="figures-csv"),
]
