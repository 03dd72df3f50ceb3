"""Finished studies: measurements and files."""

from http import HTTPStatus

from aws_lambda_powertools.event_handler.api_gateway import Router

from mri_analysis import wiring
from mri_analysis.contracts.api import ArtefactDocument, ArtefactList, PriorStudies, PriorStudy
from mri_analysis.contracts.report import Description
from mri_analysis.contracts.segmentation import Measurements
from mri_analysis.contracts.study import SeriesOffer
from mri_analysis.use_cases.read_study import (
    LINK_SECONDS,
    link_artefacts,
    list_prior_studies,
    read_description,
    read_measurements,
    read_series,
)
from reading_api.answers import answers
from reading_api.callers import JobId, reader

router = Router()


@router.get(
    "/v1/jobs/<job_id>/measurements",
    summary="What was measured, with the quality of the segmentation and its reasons",
    tags=["studies"],
    responses=answers(HTTPStatus.OK, Measurements, HTTPStatus.NOT_FOUND, HTTPStatus.CONFLICT),
)
def get_measurements(job_id: JobId) -> Measurements:
    return read_measurements(reader(router), job_id, jobs=wiring.jobs(), results=wiring.results())


@router.get(
    "/v1/jobs/<job_id>/description",
    summary="Every measurement in words, with its verdict and what it was held against",
    tags=["studies"],
    responses=answers(HTTPStatus.OK, Description, HTTPStatus.NOT_FOUND, HTTPStatus.CONFLICT),
)
def get_description(job_id: JobId) -> Description:
    return read_description(reader(router), job_id, jobs=wiring.jobs(), results=wiring.results())


@router.get(
    "/v1/jobs/<job_id>/series",
    summary="The series of a DICOM upload that can be analysed, and why others cannot",
    description="Both lists are empty for a NIfTI upload, and for one that was not read yet.",
    tags=["studies"],
    responses=answers(HTTPStatus.OK, SeriesOffer, HTTPStatus.NOT_FOUND),
)
def get_series(job_id: JobId) -> SeriesOffer:
    return read_series(reader(router), job_id, jobs=wiring.jobs(), results=wiring.results())


@router.get(
    "/v1/jobs/<job_id>/prior-studies",
    summary="Earlier completed studies of the same subject, the latest upload first, at most 50",
    description="Linked by what uploads named as `subject`; who looked is noted.",
    tags=["studies"],
    responses=answers(HTTPStatus.OK, PriorStudies, HTTPStatus.NOT_FOUND),
)
def get_prior_studies(job_id: JobId) -> PriorStudies:
    found = list_prior_studies(reader(router), job_id, jobs=wiring.jobs())
    prior = [
        PriorStudy(
            job_id=study.job.job_id,
            created_at=study.job.created_at,
            quality=study.quality,
            review_status=study.review_status,
        )
        for study in found or ()
    ]
    return PriorStudies(subject_given=found is not None, prior_studies=prior)


@router.get(
    "/v1/jobs/<job_id>/artefacts",
    summary="The files of a study, each with an address that ends after five minutes",
    tags=["studies"],
    responses=answers(HTTPStatus.OK, ArtefactList, HTTPStatus.NOT_FOUND, HTTPStatus.CONFLICT),
)
def get_artefacts(job_id: JobId) -> ArtefactList:
    found = link_artefacts(
        reader(router),
        job_id,
        jobs=wiring.jobs(),
        results=wiring.results(),
        links=wiring.download_links(),
    )
    artefacts = [
        ArtefactDocument(
            name=file.name,
            content_type=file.content_type,
            size_bytes=file.size_bytes,
            url=file.url,
        )
        for file in found
    ]
    return ArtefactList(artefacts=artefacts, expires_in_seconds=LINK_SECONDS)
